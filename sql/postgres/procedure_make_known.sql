-- Sees to it that every session knows of the weeks that were made, and says so in their comments; those that a
-- transaction of before may still be reading without are left for the next time. Nothing is rolled up in a week before.
--
-- A session that is reading the list of partitions while one is attached may keep the list without it, for as long as it
-- lives: what tells it to read anew comes in the middle of its reading (45 of 1,800 sessions that looked for the first
-- time, PostgreSQL 18; none after this). It would find no rows in that week. So once all who may be reading the list have
-- ended, everybody is told once more: a change of the table that changes nothing does that.

create or replace procedure make_known()
language plpgsql
as $$
declare
    parents constant regclass [] := array['usage_event', 'point'];
    parent regclass;
    week regclass;
    weeks regclass [];
    newest integer;
begin
    select array_agg(i.inhrelid::regclass), min(age(i.xmin)) into weeks, newest
    from pg_inherits as i
    where i.inhparent = any(parents::oid []) and obj_description(i.inhrelid, 'pg_class') is null;

    if weeks is null or exists (
        select from pg_locks as l
        inner join pg_stat_activity as a on l.pid = a.pid
        where l.locktype = 'relation' and l.granted and l.pid <> pg_backend_pid()
            and l.database = (select d.oid from pg_database as d where d.datname = current_database())
            and l.relation = any(parents::oid [])
            and (a.backend_xmin is null or age(a.backend_xmin) >= newest)
    ) then
        return;
    end if;

    foreach parent in array parents loop
        execute format('alter table %s alter column time set statistics -1', parent);
    end loop;
    commit;
    foreach week in array weeks loop
        execute format('comment on table %s is %L', week, 'every session knows it');
    end loop;
    commit;
end
$$;

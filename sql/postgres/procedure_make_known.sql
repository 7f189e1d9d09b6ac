-- Sees to it that every session knows of these partitions, which are attached; says so in their comments. To be called
-- before anything is written to them.
--
-- A session that is reading the list of partitions while one is attached may keep the list without it, for as long as it
-- lives: what tells it to read anew comes in the middle of its reading (45 of 1,800 sessions that looked for the first
-- time, PostgreSQL 18; none after this). It would never see the rows of that week, and roll up none. So: wait for
-- everybody who may be reading, then tell all once more; a change of the table that changes nothing does that.

create or replace procedure make_known(partitions text [])
language plpgsql
as $$
declare
    patience constant timestamptz := clock_timestamp() + interval '60 seconds';
    parents constant regclass [] := array['usage_event', 'point'];
    readers text [];
    parent regclass;
    name text;
begin
    select coalesce(array_agg(l.virtualtransaction), '{}') into readers
    from pg_locks as l
    where l.locktype = 'relation' and l.granted and l.pid <> pg_backend_pid()
        and l.database = (select d.oid from pg_database as d where d.datname = current_database())
        and l.relation = any(parents::oid []);
    while exists (select from pg_locks as l where l.virtualtransaction = any(readers)) loop
        if clock_timestamp() > patience then
            raise exception 'a transaction that reads usage does not end: call again'
                using errcode = 'object_in_use';
        end if;
        commit;
        perform pg_sleep(0.01);
    end loop;
    foreach parent in array parents loop
        execute format('alter table %s alter column time set statistics -1', parent);
    end loop;
    commit;
    foreach name in array partitions loop
        execute format('comment on table %I is %L', name, 'every session knows it');
    end loop;
    commit;
end
$$;

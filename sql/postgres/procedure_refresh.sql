-- Rolls up what the log says is touched, in slices of one transaction each: note some rows, recompute their quarters
-- from raw events, their hours from quarters, their days from hours, delete exactly the noted rows. Events committed
-- meanwhile brought rows of their own, which stay. The caller holds the refresh lock, taken in an earlier statement.
-- Rows of a week that not every session knows of wait: this one might see none of its events.

create or replace procedure refresh(max_rows integer)
language plpgsql
as $$
declare
    noted bigint [];
    slice bigint [];
    slice_rows constant integer := 2000;
    monday constant timestamptz := '2000-01-03 00:00:00+00';
    unknown timestamptz [];
begin
    call make_known();
    select coalesce(array_agg(to_timestamp(right(c.relname, 8), 'YYYYMMDD')), '{}') into unknown
    from pg_inherits as i
    inner join pg_class as c on i.inhrelid = c.oid
    where i.inhparent = 'usage_event'::regclass and obj_description(c.oid, 'pg_class') is null;

    select array_agg(t.id order by t.team_id, t.bucket) into noted
    from (
        select id, team_id, bucket from touched
        where date_bin('7 days', bucket, monday) <> all(unknown)
        order by id limit max_rows
    ) as t;

    while array_length(noted, 1) > 0 loop
        slice := noted[:slice_rows];
        noted := noted[slice_rows + 1:];

        drop table if exists refreshing;
        create temporary table refreshing on commit drop as
        select distinct team_id, bucket from touched where id = any(slice);
        analyze refreshing;
        call refresh_quarters();
        call refresh_hours();
        call refresh_days();

        insert into rolled_until (team_id, at)
        select team_id, max(at) from touched where id = any(slice) group by team_id order by team_id
        on conflict (team_id) do update set at = excluded.at where rolled_until.at < excluded.at;
        with gone as (delete from touched where id = any(slice) returning team_id, bucket)

        insert into follow_up (job, team_id, bucket)
        select j.job, q.team_id, q.bucket
        from (select distinct team_id, bucket from gone) as q
        cross join unnest(array['coverage', 'identity', 'limits']) as j (job);
        commit;
    end loop;
end
$$;

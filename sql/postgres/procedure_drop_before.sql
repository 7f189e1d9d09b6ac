-- Drops raw events before an instant, partition by partition. Refuses while anything there waits to be rolled up. The
-- floor moves first, in a transaction of its own and under a lock that every ingest shares, so that no late event lands in
-- a partition on its way out. Called outside a transaction; called again, it goes on where it stopped.

create or replace procedure drop_before(instant timestamptz)
language plpgsql
as $$
declare
    moved xid;
    patience constant timestamptz := clock_timestamp() + interval '60 seconds';
    partition text;
begin
    perform pg_advisory_xact_lock(hashtext('hourmeter.floor'));
    if exists (select from touched where bucket < instant) then
        raise exception 'buckets before % wait to be rolled up: refresh first', instant using errcode = 'object_in_use';
    end if;
    update raw_floor set floor = greatest(floor, instant);
    moved := pg_current_xact_id()::xid;
    commit;

    -- dropping is not part of any snapshot: one taken before the floor moved would find raw events missing in silence
    while exists (
        select from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
            and age(backend_xmin) >= age(moved)
    )
    loop
        if clock_timestamp() > patience then
            raise exception 'somebody still reads from before the floor moved: call again' using errcode = 'object_in_use';
        end if;
        commit;
        perform pg_sleep(0.01);
    end loop;

    for partition in
        select c.relname
        from pg_inherits as i
        inner join pg_class as c on i.inhrelid = c.oid
        where i.inhparent = 'usage_event'::regclass
            and to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp at time zone 'UTC' + interval '7 days' <= instant
    loop
        execute format('drop table if exists %I', partition);
    end loop;
end
$$;

-- Drops raw events before an instant, partition by partition. Refuses while anything there waits to be rolled up; the
-- floor moves first and under a lock that every ingest shares, so that no late event lands in a partition on its way out.

create or replace procedure drop_before(instant timestamptz)
language plpgsql
as $$
declare
    partition text;
begin
    perform pg_advisory_xact_lock(hashtext('hourmeter.floor'));
    if exists (select from touched where bucket < instant) then
        raise exception 'buckets before % wait to be rolled up: refresh first', instant using errcode = 'object_in_use';
    end if;
    update raw_floor set floor = greatest(floor, instant);
    for partition in
        select c.relname
        from pg_inherits as i
        inner join pg_class as c on i.inhrelid = c.oid
        where i.inhparent = 'usage_event'::regclass
            and to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp at time zone 'UTC' + interval '7 days' <= instant
    loop
        execute format('drop table %I', partition);
    end loop;
end
$$;

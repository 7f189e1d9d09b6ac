-- Drops raw events before an instant, chunk by chunk. Refuses while anything there waits to be rolled up; the floor
-- moves first and under a lock that every ingest shares, so that no late event lands in a chunk on its way out.

create or replace procedure drop_before(instant timestamptz)
language plpgsql
as $$
begin
    perform pg_advisory_xact_lock(hashtext('hourmeter.floor'));
    if exists (select from touched where bucket < instant) then
        raise exception 'buckets before % wait to be rolled up: refresh first', instant using errcode = 'object_in_use';
    end if;
    update raw_floor set floor = greatest(floor, instant);
    perform drop_chunks('usage_event', older_than => instant);
end
$$;

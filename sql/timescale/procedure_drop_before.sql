-- Drops raw events before an instant, chunk by chunk, after the floor has moved there. `archived`: all that goes is
-- in the archive. Called outside a transaction; called again, it goes on where it stopped.

create or replace procedure drop_before(instant timestamptz, archived boolean default false)
language plpgsql
as $$
declare
    until timestamptz;
begin
    call move_floor(instant, archived);
    foreach until in array (
        select coalesce(array_agg(range_end order by range_end), '{}')
        from timescaledb_information.chunks
        where hypertable_schema = 'meter' and hypertable_name = 'usage_event' and range_end <= instant
    )
    loop
        call drop_patiently('usage_event', until);
    end loop;
end
$$;

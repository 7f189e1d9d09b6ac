-- Drops points before an instant, which is not after the floor of raw events, chunk by chunk. What is still needed of each
-- moves to kept_point in the transaction that moves the floor of points. Called outside a transaction; called again, it
-- goes on where it stopped.

create or replace procedure drop_points_before(instant timestamptz)
language plpgsql
as $$
declare
    until timestamptz;
begin
    foreach until in array (
        select coalesce(array_agg(range_end order by range_end), '{}')
        from timescaledb_information.chunks
        where hypertable_schema = 'meter' and hypertable_name = 'point' and range_end <= instant
    )
    loop
        call keep_last_points(until);
        commit;
        call drop_patiently('point', until);
    end loop;
end
$$;

-- Moves raw events and points before an instant to the columnstore, chunk by chunk, each in a transaction of its own; what
-- came late to one that is there already, too. `packed` is how many were moved. One that somebody holds is left for the
-- next time: whoever writes to it would wait behind us.

create or replace procedure pack_before(instant timestamptz, inout packed bigint default 0)
language plpgsql
as $$
declare
    chunk regclass;
begin
    packed := 0;
    foreach chunk in array (
        select coalesce(array_agg(format('%I.%I', chunk_schema, chunk_name)::regclass order by range_end), '{}')
        from timescaledb_information.chunks
        where hypertable_schema = 'meter' and hypertable_name in ('usage_event', 'point') and range_end <= instant
    )
    loop
        -- 1: all of it is there; with any other bit some rows are not, or not in order
        if _timescaledb_functions.chunk_status(chunk) <> 1 then
            begin
                perform set_config('lock_timeout', '1s', true);
                perform compress_chunk(chunk, if_not_compressed => true);
                packed := packed + 1;
            exception when lock_not_available or deadlock_detected or undefined_table then
                null;
            end;
            commit;
        end if;
    end loop;
end
$$;

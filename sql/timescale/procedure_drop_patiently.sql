-- Drops the chunks of a table that end at an instant or before, in a transaction of its own. While a lock is waited for,
-- so is everybody who comes later, hence a short wait, and again after a pause.

create or replace procedure drop_patiently(hypertable text, until timestamptz)
language plpgsql
as $$
declare
    patience constant timestamptz := clock_timestamp() + interval '60 seconds';
    dropped boolean := false;
begin
    while not dropped loop
        begin
            perform set_config('lock_timeout', '200ms', true);
            perform drop_chunks(hypertable::regclass, older_than => until);
            dropped := true;
        exception when lock_not_available or deadlock_detected then
            if clock_timestamp() > patience then
                raise exception 'chunks of % are in use: call again', hypertable using errcode = 'object_in_use';
            end if;
        end;
        commit;
        if not dropped then
            perform pg_sleep(0.2);
        end if;
    end loop;
end
$$;

-- Drops a partition in a transaction of its own. That takes its parent's strongest lock: while it is waited for, so is
-- everybody who comes later, hence a short wait, and again after a pause.

create or replace procedure drop_patiently(partition text)
language plpgsql
as $$
declare
    patience constant timestamptz := clock_timestamp() + interval '60 seconds';
    dropped boolean := false;
begin
    while not dropped loop
        begin
            perform set_config('lock_timeout', '200ms', true);
            execute format('drop table if exists %I', partition);
            dropped := true;
        exception when lock_not_available or deadlock_detected then
            if clock_timestamp() > patience then
                raise exception '% is in use: call again', partition using errcode = 'object_in_use';
            end if;
        end;
        commit;
        if not dropped then
            perform pg_sleep(0.2);
        end if;
    end loop;
end
$$;

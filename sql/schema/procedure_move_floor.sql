-- Moves the floor of raw events, in a transaction of its own and under a lock that every ingest shares, so that no late
-- event lands where something is on its way out; answers when nobody reads from before it any more. Refuses while anything
-- there waits to be rolled up. `archived`: all that goes is in the archive. Called outside a transaction.

create or replace procedure move_floor(instant timestamptz, archived boolean)
language plpgsql
as $$
declare
    moved xid;
    patience constant timestamptz := clock_timestamp() + interval '60 seconds';
begin
    loop -- a short wait, and again: whoever writes later waits behind us
        begin
            perform set_config('lock_timeout', '200ms', true);
            perform pg_advisory_xact_lock(hashtext('hourmeter.floor'));
            exit;
        exception when lock_not_available then
            if clock_timestamp() > patience then
                raise exception 'somebody writes all the time: call again' using errcode = 'object_in_use';
            end if;
        end;
        commit;
        perform pg_sleep(0.05);
    end loop;
    if exists (select from touched where bucket < instant) then
        raise exception 'buckets before % wait to be rolled up: refresh first', instant using errcode = 'object_in_use';
    end if;
    update raw_floor set
        floor = greatest(floor, instant),
        closed = greatest(closed, instant),
        unarchived = case when archived or instant <= floor then unarchived else instant end;
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
end
$$;

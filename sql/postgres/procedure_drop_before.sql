-- Drops raw events before an instant, partition by partition, after the floor has moved there. `archived`: all that goes is
-- in the archive. Called outside a transaction; called again, it goes on where it stopped.

create or replace procedure drop_before(instant timestamptz, archived boolean default false)
language plpgsql
as $$
declare
    partition text;
begin
    call move_floor(instant, archived);
    foreach partition in array (
        select coalesce(array_agg(c.relname order by c.relname), '{}')
        from pg_inherits as i
        inner join pg_class as c on i.inhrelid = c.oid
        where i.inhparent = 'usage_event'::regclass
            and to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp at time zone 'UTC' + interval '7 days' <= instant
    )
    loop
        call drop_patiently(partition);
    end loop;
end
$$;

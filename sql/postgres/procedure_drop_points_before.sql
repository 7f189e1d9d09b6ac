-- Drops points before an instant, which is not after the floor of raw events, partition by partition. What is still needed
-- of each moves to kept_point in the transaction that moves the floor of points. Called outside a transaction; called
-- again, it goes on where it stopped.

create or replace procedure drop_points_before(instant timestamptz)
language plpgsql
as $$
declare
    names text [];
    until timestamptz [];
begin
    select
        coalesce(array_agg(w.name order by w.week), '{}'),
        array_agg(w.week + interval '7 days' order by w.week)
    into names, until
    from (
        select c.relname as name, to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp at time zone 'UTC' as week
        from pg_inherits as i
        inner join pg_class as c on i.inhrelid = c.oid
        where i.inhparent = 'point'::regclass
    ) as w
    where w.week + interval '7 days' <= instant;

    for n in 1 .. cardinality(names) loop
        call keep_last_points(until[n]);
        commit;
        call drop_patiently(names[n]);
    end loop;
end
$$;

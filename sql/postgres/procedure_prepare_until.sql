-- Makes every weekly partition for events and points in [since, until], in transactions before theirs. Weeks begin on
-- Monday, UTC. One maker at a time; a partition that is there is left alone. Made apart and then attached: readers and
-- writers go on meanwhile, where `partition of` would wait for the longest reader and make everybody else wait behind it.

create or replace procedure prepare_until(until timestamptz, since timestamptz default now())
language plpgsql
as $$
declare
    monday constant timestamptz := '2000-01-03 00:00:00+00';
    parent text;
    week timestamptz;
    name text;
begin
    perform pg_advisory_xact_lock(hashtext('hourmeter.prepare'));
    for parent, week in
        select t.name, w.week
        from unnest(array['usage_event', 'point']) as t (name)
        cross join generate_series(
            date_bin('7 days', since, monday), date_bin('7 days', until, monday), interval '7 days'
        ) as w (week)
    loop
        name := parent || '_' || to_char(week at time zone 'UTC', 'YYYYMMDD');
        if to_regclass(name) is null then
            execute format('create table %I (like %I including all)', name, parent);
            execute format(
                'alter table %I attach partition %I for values from (%L) to (%L)',
                parent, name, week, week + interval '7 days'
            );
        end if;
    end loop;
    commit;
    call make_known();
end
$$;

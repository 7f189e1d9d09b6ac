-- Rolls up what the log says is touched, in slices: note some rows, refresh their ranges level by level, delete exactly
-- the noted rows. Readers use raw events until that deletion, so at every moment in between they are right. Rows of
-- transactions still in flight were not noted and stay. The caller holds the refresh lock, taken in an earlier statement.
-- `force`: the engine's own list of invalid ranges has missed changes before; our log is the truth.

create or replace procedure refresh(max_rows integer)
language plpgsql
as $$
declare
    noted bigint [];
    slice bigint [];
    slice_rows constant integer := 2000;
    range_from timestamptz [];
    range_to timestamptz [];
    hour constant interval := '1 hour';
    day constant interval := '1 day';
    origin constant timestamptz := '2000-01-01 00:00:00+00';
begin
    select array_agg(t.id order by t.bucket) into noted
    from (select id, bucket from touched order by id limit max_rows) as t;

    while array_length(noted, 1) > 0 loop
        slice := noted[:slice_rows];
        noted := noted[slice_rows + 1:];

        -- islands of neighbouring quarters, at most a day each: one huge refresh would run out of memory
        select array_agg(i.lo order by i.lo), array_agg(i.hi order by i.lo) into range_from, range_to
        from (
            select min(b.bucket) as lo, max(b.bucket) + interval '15 minutes' as hi
            from (
                select
                    d.bucket,
                    date_bin(day, d.bucket, origin) as day_start,
                    d.bucket - interval '15 minutes' * row_number() over (order by d.bucket) as island
                from (select distinct bucket from touched where id = any(slice)) as d
            ) as b
            group by b.island, b.day_start
        ) as i;
        for n in 1 .. coalesce(array_length(range_from, 1), 0) loop
            call refresh_continuous_aggregate('rolled_quarter', range_from[n], range_to[n], force => true);
        end loop;

        -- the levels above once per day: a refresh costs milliseconds even where there is nothing to add up
        select array_agg(i.lo order by i.lo), array_agg(i.hi order by i.lo) into range_from, range_to
        from (
            select min(date_bin(hour, bucket, origin)) as lo, max(date_bin(hour, bucket, origin)) + hour as hi
            from touched
            where id = any(slice)
            group by date_bin(day, bucket, origin)
        ) as i;
        for n in 1 .. coalesce(array_length(range_from, 1), 0) loop
            call refresh_continuous_aggregate('rolled_hourly', range_from[n], range_to[n], force => true);
            call refresh_continuous_aggregate(
                'rolled_daily', date_bin(day, range_from[n], origin), date_bin(day, range_from[n], origin) + day,
                force => true
            );
        end loop;

        insert into rolled_until (team_id, at)
        select team_id, max(at) from touched where id = any(slice) group by team_id order by team_id
        on conflict (team_id) do update set at = excluded.at where rolled_until.at < excluded.at;
        with gone as (delete from touched where id = any(slice) returning team_id, bucket)

        insert into follow_up (job, team_id, bucket)
        select j.job, q.team_id, q.bucket
        from (select distinct team_id, bucket from gone) as q
        cross join unnest(array['coverage', 'identity', 'limits']) as j (job);
        commit;
    end loop;
end
$$;

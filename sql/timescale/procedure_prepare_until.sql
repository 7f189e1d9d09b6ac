-- Makes every chunk for events and points in [since, until] ahead of them: making one blocks other writers, so not while
-- they write. A row written and taken back makes its chunk through the public door; no reader ever sees it.

create or replace procedure prepare_until(until timestamptz, since timestamptz default now())
language plpgsql
as $$
begin
    insert into usage_event (team_id, time, event_id, series_id, quantity)
    select 0, t.time, '00000000-0000-0000-0000-000000000000', 0, 0
    from (select generate_series(since, until, interval '7 days') as time union select until) as t
    order by t.time;
    -- the bounds keep it away from all other chunks, compressed ones above all
    delete from usage_event
    where team_id = 0 and event_id = '00000000-0000-0000-0000-000000000000' and time >= since and time <= until;

    insert into point (team_id, stream_id, time, reading_id)
    select 0, 0, t.time, 0
    from (select generate_series(since, until, interval '7 days') as time union select until) as t
    order by t.time;
    delete from point where team_id = 0 and stream_id = 0 and time >= since and time <= until;
end
$$;

-- The segments in the quarter of an hour after a segment, of samples in the same series that began at the same instant;
-- whether they are of the same sample is told by their identities.

select u.time, u.event_id, u.series_id, u.quantity, u.covers_us
from (select distinct t.time from unnest(%(times)s::timestamptz []) as t (time)) as q
cross join lateral (
    select e.time, e.event_id, e.series_id, e.quantity, e.covers_us
    from usage_event as e
    where e.team_id = %(team_id)s
        and e.time > q.time
        and e.time <= q.time + interval '15 minutes'
        and e.covers_us is not null
    offset 0 -- one look per quarter
) as u
where exists (
        select
        from unnest(
            %(series)s::bigint [], %(starts)s::timestamptz [], %(times)s::timestamptz []
        ) as w (series_id, start, time)
        where w.time = q.time
            and w.series_id = u.series_id
            and w.start = u.time + interval '1 microsecond' - u.covers_us * interval '1 microsecond'
    )

-- Which teams on a plan have usage between two instants that is to be billed and not yet in a final invoice, and since
-- when? A quarter of an hour that a period cuts belongs to both sides.

select t.public_id, min(q.bucket) as since, count(*) over () as teams
from team as t
cross join lateral (
    select unnest(
        tstzmultirange(tstzrange(%(since)s::timestamptz, %(until)s::timestamptz))
        - coalesce(range_agg(tstzrange(i.period_from, i.period_to)), '{}'::tstzmultirange)
    ) as span
    from invoice as i
    where i.team_id = t.id and i.reason = 'period' and i.status not in ('draft', 'void')
        and i.period_from < %(until)s and i.period_to > %(since)s
) as u
cross join lateral (
    select r.bucket
    from rolled_quarter as r
    inner join usage_series as s on r.series_id = s.id
    where r.team_id = t.id
        and r.bucket > lower(u.span) - interval '15 minutes' and r.bucket < upper(u.span)
        and s.billable
    order by r.bucket
    limit 1
) as q
where exists (select from subscription as p where p.team_id = t.id)
group by t.public_id
order by since, t.public_id
limit 20

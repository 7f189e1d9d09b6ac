-- Usage per group and slot from the quarters of spans with few gaps between them: one scan from the first to the last, which
-- the planner can judge. A bucket lies in a span when an odd number of the spans' edges is not after it; written `<> 0`,
-- as the planner believes of `= 1` that hardly any row passes.

select
    g.grp,
    width_bucket(v.bucket, %(bounds)s::timestamptz []) as slot,
    sum(v.events)::bigint as events,
    sum(v.total) as total,
    case when %(extremes)s then min(v.smallest) end as smallest,
    case when %(extremes)s then max(v.largest) end as largest,
    case when %(latest)s then max(v.latest) end as latest
from quarter as v
inner join unnest(%(series)s::bigint [], %(groups)s::integer []) as g (series_id, grp) on v.series_id = g.series_id
where v.team_id = %(team_id)s
    and (%(many)s or v.series_id = any(%(series)s))
    and v.bucket >= %(first)s
    and v.bucket < %(last)s
    and mod(width_bucket(v.bucket, %(edges)s::timestamptz []), 2) <> 0
group by 1, 2

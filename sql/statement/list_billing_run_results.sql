-- What came of each team in a billing run, in the order in which it did: of some kinds only, from after one on.

select
    r.id, t.public_id as team, t.name, r.period_from, r.period_to, t.timezone, r.came, r.why, r.invoice, r.number,
    r.currency, r.total, r.at
from billing_run_result as r
inner join team as t on r.team_id = t.id
where r.run_id = %(run_id)s
    and (%(after)s::bigint is null or r.id > %(after)s)
    and (%(came)s::text [] is null or r.came = any(%(came)s))
order by r.id
limit %(rows)s

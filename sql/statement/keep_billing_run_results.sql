-- Keeps what came of periods, and of teams without one, in a billing run.

insert into billing_run_result (
    run_id, team_id, period_from, period_to, came, why, invoice, number, currency, total, at
)
select
    %(run_id)s, r.team_id, r.period_from, r.period_to, r.came, r.why, r.invoice, r.number, r.currency, r.total, %(now)s
from unnest(
    %(teams)s::bigint [], %(starts)s::timestamptz [], %(ends)s::timestamptz [], %(came)s::text [], %(whys)s::text [],
    %(invoices)s::uuid [], %(numbers)s::text [], %(currencies)s::text [], %(totals)s::numeric []
) as r (team_id, period_from, period_to, came, why, invoice, number, currency, total)

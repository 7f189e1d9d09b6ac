-- Says how much of what was charged of which price, in which billing period, an invoice bills.

insert into invoice_charged (invoice_id, team_id, price, starts_at, ends_at, amount)
select
    %(invoice_id)s,
    %(team_id)s,
    c.price,
    c.starts_at,
    c.ends_at,
    c.amount
from unnest(
    %(prices)s::text [], %(starts)s::timestamptz [], %(ends)s::timestamptz [], %(amounts)s::numeric []
) as c (price, starts_at, ends_at, amount)

-- A team's invoices by the month that their periods began in, by currency and status: how many, without and with tax, what
-- is left to pay of them, and what credit notes took back.

select
    m.starts_at, i.currency, i.status, count(*) as invoices,
    sum(coalesce((i.document ->> 'net')::numeric, i.total)) as net,
    sum(i.total) as total, sum(i.total - s.settled) as to_pay, sum(s.credited) as credited
from unnest(%(starts)s::timestamptz [], %(ends)s::timestamptz []) as m (starts_at, ends_at)
inner join invoice as i on m.starts_at <= i.period_from and m.ends_at > i.period_from and i.team_id = %(team_id)s
cross join lateral (
    select
        coalesce(sum(e.amount), 0) as settled,
        coalesce(sum(e.amount) filter (where e.kind = 'credit_note'), 0) as credited
    from invoice_settlement as e
    where e.invoice_id = i.id
) as s
group by m.starts_at, i.currency, i.status

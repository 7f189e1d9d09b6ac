-- What usage took of an account in [from, to), by service, member and meter; what was reversed is taken off where it was.
-- Nobody's is null.

select
    coalesce(o.metadata ->> 'service', t.metadata ->> 'service', s.slug) as service,
    coalesce(o.metadata ->> 'member', t.metadata ->> 'member', m.user_id) as member,
    p.meter,
    count(*) filter (where t.kind <> 'reversal') as deductions,
    sum(p.amount) as spent,
    max(t.at) as last_at
from ledger_transaction as t
inner join posting as p on t.id = p.transaction_id and p.side = 'usage'
left join ledger_transaction as o on t.reverses = o.id
left join reservation as h on (coalesce(o.metadata, t.metadata) ->> 'reservation')::uuid = h.public_id
left join service as s on h.service_id = s.id
left join member as m on h.member_id = m.id
where t.account_id = %(account_id)s and t.at >= %(since)s and t.at < %(until)s
group by 1, 2, 3
order by 5 desc, 1, 2, 3
limit %(rows)s

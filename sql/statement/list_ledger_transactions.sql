-- What was booked on an account, the last booked first: of some kinds, in [from, to), one transaction, or of one source.
-- Of usage that was asked for beforehand, the reservation tells whose it was.

select
    t.id,
    t.public_id,
    t.account_id,
    t.kind,
    t.amount,
    t.balance_after,
    t.at,
    t.recorded_at,
    t.description,
    t.metadata,
    t.meter,
    t.source,
    o.public_id as reverses,
    r.public_id as reversed_by,
    p.grant_id,
    g.public_id as grant_public_id,
    coalesce(t.metadata ->> 'service', s.slug) as service,
    coalesce(t.metadata ->> 'member', m.user_id) as member,
    k.public_id as key
from ledger_transaction as t
left join ledger_transaction as o on t.reverses = o.id
left join ledger_transaction as r on t.id = r.reverses
left join posting as p on t.id = p.transaction_id and p.position = 0
left join credit_grant as g on p.grant_id = g.id
left join reservation as h on (coalesce(o.metadata, t.metadata) ->> 'reservation')::uuid = h.public_id
left join service as s on h.service_id = s.id
left join member as m on h.member_id = m.id
left join api_key as k on h.key_id = k.id
where t.account_id = %(account_id)s
    and (%(public_id)s::uuid is null or t.public_id = %(public_id)s)
    and (%(source)s::text is null or t.source = %(source)s)
    and (%(kinds)s::text [] is null or t.kind = any(%(kinds)s))
    and (%(since)s::timestamptz is null or t.at >= %(since)s)
    and (%(until)s::timestamptz is null or t.at < %(until)s)
    and (%(before)s::bigint is null or t.id < %(before)s)
order by t.id desc
limit %(rows)s

-- What may be done with some accounts, and what is left of their grants: of those where anything is, and of others that
-- are named. After lock_wallets, in the same transaction: nothing changes in between.

select
    a.id as account_id,
    a.unit,
    a.credit_price,
    a.floor,
    a.low_balance,
    a.recharge_below,
    a.recharge_amount,
    g.id as grant_id,
    g.priority,
    g.effective_at,
    least(g.expires_at, g.voided_at) as ends_at,
    g.meters,
    s.remaining,
    s.reserved
from account as a
left join grant_standing as s on a.id = s.account_id and (s.standing or s.grant_id = any(%(grants)s::bigint []))
left join credit_grant as g on s.grant_id = g.id
where a.id = any(%(accounts)s::bigint [])
order by a.id, g.id

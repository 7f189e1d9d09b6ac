-- The accounts of a team: its own and those of its keys.

select
    a.id,
    a.public_id,
    a.team_id,
    a.key_id,
    k.public_id as key,
    a.unit,
    a.credit_price,
    a.floor,
    a.low_balance,
    a.recharge_below,
    a.recharge_amount,
    a.version,
    a.created_at
from account as a
left join api_key as k on a.key_id = k.id
where a.team_id = %(team_id)s
order by a.id

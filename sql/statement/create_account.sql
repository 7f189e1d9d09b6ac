-- Opens the account of a team, or of one of its keys, with nothing in it; null where there is one already.

with opened as (
    insert into account (
        public_id, team_id, key_id, unit, credit_price, floor, low_balance, recharge_below, recharge_amount, created_at
    )
    values (
        %(public_id)s,
        %(team_id)s,
        %(key_id)s,
        %(unit)s,
        %(credit_price)s,
        %(floor)s::numeric,
        %(low_balance)s,
        %(recharge_below)s,
        %(recharge_amount)s,
        %(now)s
    )
    on conflict (team_id, key_id) do nothing
    returning id
)

insert into account_standing (account_id)
select o.id
from opened as o
returning account_id

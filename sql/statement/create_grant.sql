-- A grant of which nothing is booked yet.

with granted as (
    insert into credit_grant (
        public_id, account_id, kind, priority, amount, paid, effective_at, expires_at, meters, description, created_at
    )
    values (
        %(public_id)s,
        %(account_id)s,
        %(kind)s,
        %(priority)s,
        %(amount)s,
        %(paid)s,
        %(effective_at)s,
        %(expires_at)s,
        %(meters)s,
        %(description)s,
        %(now)s
    )
    returning id, account_id
)

insert into grant_standing (grant_id, account_id)
select g.id, g.account_id
from granted as g
returning grant_id

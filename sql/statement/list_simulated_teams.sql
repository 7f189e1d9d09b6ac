-- Which teams does a what-if look at? Those asked for; else all that ever were to have a plan of this book, or one of
-- these plans, deleted teams too.

select
    t.id, t.public_id, t.name, t.timezone, t.currency, t.billing_email, t.created_at, t.version, t.deleted_at
from team as t
where case
    when %(teams)s::uuid [] is not null then t.public_id = any(%(teams)s::uuid [])
    else exists (
        select from subscription_change as c
        where c.team_id = t.id
            and c.withdrawn_at is null
            and (
                split_part(c.decision ->> 'plan', '/', 1) = %(book)s
                or c.decision ->> 'plan' = any(%(plans)s::text [])
            )
    )
end
order by t.id

-- Forgets counters of windows that are over, and slots that have slid out, some time after: calls may still be settled. All
-- counters of budgets that were ended, too. What was charged is known for ever: it may be given back, and is due no second
-- time. What calls have reserved stays until they are settled, and what somebody holds until the next time.

with over as (
    (
        select o.id
        from counter as o
        left join budget as b on o.budget_id = b.id
        where o.charged = 0 and o.reserved = 0 and o.ends_at < %(now)s::timestamptz - %(slots_kept)s::interval
            and o.ends_at < %(now)s::timestamptz - case
                when b.seconds is null then %(kept)s::interval
                else %(slots_kept)s::interval + b.seconds * interval '1 second'
            end
        order by o.id
        limit %(most)s
    )
    union
    (
        select o.id
        from budget as b
        inner join counter as o on b.team_id = o.team_id and b.id = o.budget_id
        where o.reserved = 0 and b.ended_at < %(now)s::timestamptz - %(kept)s::interval
        order by o.id
        limit %(most)s
    )
),

free as (
    select c.id
    from counter as c
    where c.id in (select o.id from over as o) and c.reserved = 0
    order by c.id
    for update skip locked
)

delete from counter as c
using free as f
where c.id = f.id

-- Which plans, add-ons and coupons of a book teams have at an instant or are to have after it, by what is decided.

with decided as (
    select
        c.*,
        case c.decision ->> 'type'
            when 'addon' then 'add-on ' || (c.decision ->> 'addon')
            when 'coupon' then 'coupon ' || (c.decision ->> 'coupon')
            when 'coupon_taken' then 'coupon ' || (c.decision ->> 'coupon')
            else 'plan'
        end as about
    from subscription_change as c
    where c.withdrawn_at is null and c.decision ->> 'type' <> 'quantity'
),

lasting as (
    select
        d.*,
        lead(d.effective_at) over (partition by d.team_id, d.about order by d.effective_at, d.id) as until
    from decided as d
),

plans as (
    select l.team_id, l.decision ->> 'plan' as plan, l.effective_at, l.until
    from lasting as l
    where l.about = 'plan' and l.decision ? 'plan'
)

select distinct t.public_id, 'plan' as kind, split_part(p.plan, '/', 2) as name
from plans as p
inner join team as t on p.team_id = t.id
where split_part(p.plan, '/', 1) = %(book)s and (p.until is null or p.until > %(since)s)
union
select distinct t.public_id, 'add-on' as kind, l.decision ->> 'addon' as name
from lasting as l
inner join team as t on l.team_id = t.id
inner join plans as p on l.team_id = p.team_id
where l.decision ->> 'type' = 'addon'
    and (l.decision ->> 'quantity')::bigint > 0
    and (l.until is null or l.until > %(since)s)
    and split_part(p.plan, '/', 1) = %(book)s and (p.until is null or p.until > %(since)s)
union
select distinct t.public_id, 'coupon' as kind, split_part(l.decision ->> 'coupon', '/', 2) as name
from lasting as l
inner join team as t on l.team_id = t.id
where l.decision ->> 'type' = 'coupon'
    and split_part(l.decision ->> 'coupon', '/', 1) = %(book)s
    and (l.until is null or l.until > %(since)s)
order by kind, name, public_id

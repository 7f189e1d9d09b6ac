-- What each counter of a budget or price says: whom it is of, when it began, settled, ingested, and whether it was followed.

select
    coalesce(b.name, c.price) as name, coalesce(m.user_id, '') as member, c.meter, c.starts_at, c.settled, c.ingested,
    c.followed_at is not null as followed
from counter as c
left join budget as b on c.budget_id = b.id
left join member as m on c.member_id = m.id
where c.team_id = %(team_id)s
order by c.id

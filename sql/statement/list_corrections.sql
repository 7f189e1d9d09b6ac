-- The corrections of a team, newest first, from before one of them: of one kind or any, made since an instant.

select
    c.id, c.public_id, c.kind, c.reason, o.public_id, u.public_id, c.at, c.actor, k.public_id, c.key_prefix, c.member,
    c.request_id, c.events
from correction as c
left join correction as o on c.undoes = o.id
left join correction as u on c.id = u.undoes
left join api_key as k on c.key_id = k.id
where c.team_id = %(team_id)s
    and (%(kind)s::text is null or c.kind = %(kind)s)
    and (%(since)s::timestamptz is null or c.at >= %(since)s)
    and (%(before)s::bigint is null or c.id < %(before)s)
order by c.id desc
limit %(rows)s

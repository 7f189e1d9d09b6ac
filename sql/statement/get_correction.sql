-- A correction of a team.

select
    c.id, c.public_id, c.kind, c.reason, o.public_id, u.public_id, c.at, c.actor, k.public_id, c.key_prefix, c.member,
    c.request_id, c.events
from correction as c
left join correction as o on c.undoes = o.id
left join correction as u on c.id = u.undoes
left join api_key as k on c.key_id = k.id
where c.team_id = %(team_id)s and c.public_id = %(public_id)s

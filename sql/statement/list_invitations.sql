-- The invitations of a team, newest first, ended ones too; with `one` that one alone.

select
    i.public_id,
    i.email,
    i.role,
    i.created_at,
    i.sent_at,
    i.expires_at,
    i.accepted_at,
    m.user_id as accepted_by,
    i.revoked_at
from invitation as i
left join member as m on i.accepted_by = m.id
where i.team_id = %(team_id)s
    and (%(before)s::uuid is null or i.public_id < %(before)s)
    and (%(one)s::uuid is null or i.public_id = %(one)s)
order by i.public_id desc
limit %(rows)s

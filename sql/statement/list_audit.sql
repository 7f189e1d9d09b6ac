-- What was done, newest first: in a team or (null) everywhere, by one action or (null) any.

select
    a.id,
    a.public_id,
    a.at,
    t.public_id as team,
    case when a.key_id is not null and k.team_id is null then 'operator' else a.actor end as actor, -- for a member too
    k.public_id as key,
    a.key_prefix,
    a.member,
    a.request_id,
    a.action,
    a.subject,
    a.before::text,
    a.after::text
from audit_entry as a
left join team as t on a.team_id = t.id
left join api_key as k on a.key_id = k.id
where (%(team_id)s::bigint is null or a.team_id = %(team_id)s)
    and (%(action)s::text is null or a.action = %(action)s)
    and (%(before)s::bigint is null or a.id < %(before)s)
order by a.id desc
limit %(rows)s

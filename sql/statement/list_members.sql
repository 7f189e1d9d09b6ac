-- The members of a team, the first registered first: those there are, or (`removed`) those that were. A filter that is
-- null lets all pass.

select id, public_id, user_id, email, role, created_at, version, removed_at
from member
where team_id = %(team_id)s
    and (removed_at is not null) = %(removed)s
    and (%(after)s::bigint is null or id > %(after)s)
    and (%(one)s::uuid is null or public_id = %(one)s)
    and (%(user_id)s::text is null or user_id = %(user_id)s)
    and (%(role)s::text is null or role = %(role)s)
order by id
limit %(rows)s

-- Makes members that usage names and nobody registered.

insert into member (team_id, user_id, role)
select %(team_id)s, user_id, 'member'
from unnest(%(user_ids)s::text []) as n (user_id)
on conflict do nothing

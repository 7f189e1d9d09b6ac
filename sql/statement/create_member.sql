-- Makes a member of a team, with a role.

insert into member (team_id, user_id, email, role, created_at)
values (%(team_id)s, %(user_id)s, %(email)s, %(role)s, %(created_at)s)

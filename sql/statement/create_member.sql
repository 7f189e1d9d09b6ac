-- Makes a member of a team, with a role; one who was removed comes back. Nothing comes back where there is such a member.

insert into member (public_id, team_id, user_id, email, role, created_at)
values (%(public_id)s, %(team_id)s, %(user_id)s, %(email)s, %(role)s, %(created_at)s)
on conflict (team_id, user_id) do update
    set
        role = excluded.role,
        email = coalesce(excluded.email, member.email),
        removed_at = null,
        version = member.version + 1
    where member.removed_at is not null
returning public_id

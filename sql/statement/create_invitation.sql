-- Stores an invitation by its token's hash.

insert into invitation (public_id, team_id, email, role, token_hash, created_at, sent_at, expires_at)
values (%(public_id)s, %(team_id)s, %(email)s, %(role)s, %(token_hash)s, %(now)s, %(now)s, %(expires_at)s)

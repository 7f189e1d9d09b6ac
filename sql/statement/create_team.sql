-- Makes a team.

insert into team (public_id, name, timezone, currency, billing_email, created_at)
values (%(public_id)s, %(name)s, %(timezone)s, %(currency)s, %(billing_email)s, %(created_at)s)
returning id

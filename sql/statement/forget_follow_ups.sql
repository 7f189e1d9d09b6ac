-- Forgets what has been followed.

delete from follow_up where id = any(%(ids)s::bigint [])

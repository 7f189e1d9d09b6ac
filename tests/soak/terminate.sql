-- Ends every session that the product has.

select pg_terminate_backend(pid)
from pg_stat_activity
where application_name = 'hourmeter' and pid <> pg_backend_pid()

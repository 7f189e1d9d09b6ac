-- Does this session, or without one any session here, wait for a lock of somebody else's?

select pid
from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock' and pid = coalesce(%(pid)s, pid)

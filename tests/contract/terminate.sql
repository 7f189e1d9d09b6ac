-- Ends a session, as an administrator or a failover would.

select pg_terminate_backend(%(pid)s)

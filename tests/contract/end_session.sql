-- Ends a session, and says so once its process is gone.

select pg_terminate_backend(%(pid)s, 10000)

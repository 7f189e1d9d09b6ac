-- Where this transaction makes its objects. Waiting for a lock is limited: behind a waiting migrate everybody queues.

select set_config('search_path', %(path)s, true), set_config('lock_timeout', '60s', true)

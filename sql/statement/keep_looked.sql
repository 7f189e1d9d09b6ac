-- Keeps that the rhythm of some series was looked for, in vain.

update expected_series set looked_at = %(now)s where series_id = any(%(series)s::bigint [])

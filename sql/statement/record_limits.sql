-- Keeps up to when all usage is in the counters: now, or when the oldest came of what is not rolled up yet.

update limit_progress
set at = least(%(now)s::timestamptz, coalesce((select t.at from touched as t order by t.id limit 1), 'infinity'))

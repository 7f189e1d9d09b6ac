-- Takes nothing more before an instant, unless something there waits to be rolled up: then no row.

update raw_floor set closed = greatest(closed, %(until)s::timestamptz)
where not exists (select from touched as t where t.bucket < %(until)s)
returning closed

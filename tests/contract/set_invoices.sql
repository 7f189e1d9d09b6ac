-- Says of every invoice what became of it.

update invoice set status = %(status)s, closed_at = now()

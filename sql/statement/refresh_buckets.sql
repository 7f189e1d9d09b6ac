-- Rolls up touched buckets, oldest log rows first.

call refresh(%(max_rows)s)

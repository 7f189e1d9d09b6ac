-- Whoever bills by a book keeps others from changing which version is in force, until the transaction ends.

select pg_advisory_xact_lock_shared(hashtextextended('price book ' || %(book)s, 0))

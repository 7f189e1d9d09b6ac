-- Whoever changes which version of a book is in force takes turns, until the transaction ends.

select pg_advisory_xact_lock(hashtextextended('price book ' || %(book)s, 0))

-- Keeps a lease while its job goes on; no row when it was lost to somebody else.

update lease
set until = clock_timestamp() + %(ttl)s
where name = %(name)s and holder = %(holder)s
returning name

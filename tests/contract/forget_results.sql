-- Forgets all that analytics found out.

delete from result

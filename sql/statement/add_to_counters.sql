-- Adds what was settled, reserved (less than nothing where it is given back) and charged to counters; one may come twice.

update counter as c
set
    settled = c.settled + a.settled,
    reserved = c.reserved + a.reserved,
    charged = c.charged + a.charged
from (
    select u.id, sum(u.settled) as settled, sum(u.reserved) as reserved, sum(u.charged) as charged
    from unnest(
        %(ids)s::bigint [], %(settled)s::numeric [], %(reserved)s::numeric [], %(charged)s::numeric []
    ) as u (id, settled, reserved, charged)
    group by u.id
) as a
where a.id = c.id

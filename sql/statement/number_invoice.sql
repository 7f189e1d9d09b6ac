-- Gives a draft the next number of its counter and makes it final. The counter stays locked until commit: no number is lost
-- or doubled. What stands around it is the seller's format.

with taken as (
    insert into invoice_counter as c (counter_year, last) values (%(counter_year)s, 1)
    on conflict (counter_year) do update set last = c.last + 1
    returning last
)

update invoice set
    counter_year = %(counter_year)s,
    position = taken.last,
    number = concat(
        %(before)s::text,
        lpad(taken.last::text, greatest(%(digits)s::integer, length(taken.last::text)), '0'),
        %(after)s::text
    ),
    status = 'open',
    issued_at = %(now)s,
    due_at = %(due_at)s
from taken
where invoice.id = %(invoice_id)s

-- Which reservations are open beyond their time? The oldest first, and no more than asked for.

select public_id
from reservation
where state = 'open' and expires_at <= %(now)s
order by expires_at
limit %(most)s

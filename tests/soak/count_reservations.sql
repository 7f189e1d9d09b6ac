-- How many reservations are in which state?

select state, count(*) from reservation group by state order by state

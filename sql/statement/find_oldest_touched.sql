-- Since when has the oldest touched bucket been waiting to be rolled up?

select at from touched order by id limit 1

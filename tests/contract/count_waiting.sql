-- How many log rows wait to be rolled up?

select count(*)
from touched

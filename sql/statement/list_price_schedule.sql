-- Which version of each book is in force from when, in the order in which they take over.

select s.book, s.effective_from, v.id, v.version
from price_schedule as s
inner join price_version as v on s.price_version_id = v.id
order by s.book, s.effective_from, s.id

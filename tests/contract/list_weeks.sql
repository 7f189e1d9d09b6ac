-- Which weeks of events are there, and which does every session know of?

select c.relname, obj_description(c.oid, 'pg_class') as known
from pg_inherits as i
inner join pg_class as c on i.inhrelid = c.oid
where i.inhparent = 'usage_event'::regclass
order by c.relname

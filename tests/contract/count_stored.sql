-- What is stored of each meter: rows and their sum.

select m.slug, count(*), sum(u.quantity)
from usage_event as u
inner join series as s on u.series_id = s.id
inner join meter as m on s.meter_id = m.id
group by m.slug
order by m.slug

-- What is stored per series: labels, whether it may be billed, events and total.
select s.dimensions, s.billable, count(*) as events, sum(u.quantity) as total
from usage_event as u
inner join series as s on u.series_id = s.id
group by s.id
order by s.dimensions, s.billable

-- Invoice numbers run from one to the last given, none missing.

select c.last, count(i.position) as given, max(i.position) as highest
from invoice_counter as c
left join invoice as i on i.position is not null
group by c.last
having c.last <> count(i.position) or c.last <> coalesce(max(i.position), 0)

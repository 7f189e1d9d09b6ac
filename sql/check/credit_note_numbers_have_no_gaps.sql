-- Numbers of credit notes run from one to the last given, none missing.

select c.last, count(n.position) as given, max(n.position) as highest
from credit_note_counter as c
left join credit_note as n on true
group by c.last
having c.last <> count(n.position) or c.last <> coalesce(max(n.position), 0)

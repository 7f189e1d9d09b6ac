-- Invoice numbers run from one to the last given, none missing: of each counter.

with given as (
    select counter_year, count(*) as numbers, min(position) as lowest, max(position) as highest
    from invoice
    where position is not null
    group by counter_year
)

select coalesce(c.counter_year, g.counter_year) as counter_year, c.last, g.numbers, g.lowest, g.highest
from invoice_counter as c
full join given as g on c.counter_year = g.counter_year
where c.last is distinct from coalesce(g.numbers, 0) or c.last <> g.highest or g.lowest <> 1

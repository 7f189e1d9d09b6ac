-- The corrections that backfills have made.

select c.public_id
from backfill_correction as b
inner join correction as c on b.correction_id = c.id
order by c.id

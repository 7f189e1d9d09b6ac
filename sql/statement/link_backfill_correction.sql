-- Notes that a backfill has made a correction.

insert into backfill_correction (correction_id, backfill_id, phase)
select id, %(backfill_id)s, %(phase)s
from correction
where public_id = %(public_id)s

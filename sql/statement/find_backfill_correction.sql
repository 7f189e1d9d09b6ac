-- The last correction of a backfill that was not looked at since its undo began, and whether somebody undid it before.

select l.correction_id, u.id is not null as is_undone
from backfill_correction as l
left join correction as u on l.correction_id = u.undoes
where l.backfill_id = %(backfill_id)s and l.phase = 'applying' and not l.taken_back
order by l.correction_id desc
limit 1

-- Lets go of a lease, says when the job is due again and records the run; nothing when the lease was lost meanwhile.
-- A run that found nothing to do (no detail) is not recorded.

with held as (
    select name, taken_at
    from lease
    where name = %(name)s and holder = %(holder)s
    for update
),

recorded as (
    insert into job_run (job, holder, started_at, finished_at, outcome, detail)
    select name, %(holder)s, taken_at, clock_timestamp(), %(outcome)s, %(detail)s
    from held
    where %(detail)s::text is not null
)

update lease as l
set holder = null, taken_at = null, until = '-infinity', due_at = clock_timestamp() + %(rest)s
from held
where l.name = held.name
returning l.name

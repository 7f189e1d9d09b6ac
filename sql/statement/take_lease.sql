-- Takes a job for one holder if it is due and nobody holds it: one row for the one that may run, none for all others.
-- A holder that was still written there did not come back in time: its run is recorded as crashed.

with seen as (
    select name, holder, taken_at
    from lease
    where name = %(name)s and due_at <= clock_timestamp() and until <= clock_timestamp()
    for update skip locked
),

crashed as (
    insert into job_run (job, holder, started_at, finished_at, outcome, detail)
    select name, holder, taken_at, clock_timestamp(), 'crashed', 'the holder went away; its lease ran out'
    from seen
    where holder is not null
)

update lease as l
set holder = %(holder)s, taken_at = clock_timestamp(), until = clock_timestamp() + %(ttl)s
from seen
where l.name = seen.name
returning seen.holder as crashed_holder

-- Quarters that were rolled up again since a job last looked at them: written by the roll-up in the transaction that takes
-- them out of `touched`, deleted by the job that has followed. Work that may lag the counting by minutes rests on it.

create table follow_up (
    id bigint generated always as identity primary key,
    job text not null check (job in ('coverage', 'identity')),
    team_id bigint not null,
    bucket timestamptz not null
) with (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_threshold = -1
);
create index follow_up_job on follow_up (job, id);

-- what was rolled up before there was this log
insert into follow_up (job, team_id, bucket)
select j.job, q.team_id, q.bucket
from (select distinct team_id, bucket from rolled_quarter) as q
cross join unnest(array['coverage', 'identity']) as j (job)
order by q.team_id, q.bucket;

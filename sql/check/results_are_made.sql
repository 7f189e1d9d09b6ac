-- Everything that analytics makes ahead could be made when it was tried last. Who asks for what failed hears the same, or gets
-- what was made before; nothing that is counted or billed goes by it.

select
    f.job, f.problem, count(*) as subjects, count(distinct f.team) as teams,
    array_to_string((array_agg(f.subject || ' of ' || f.team order by f.team_id, f.subject))[1:3], ', ') as first,
    (array_agg(f.why order by f.team_id, f.subject))[1] as said
from (
    select r.job, split_part(r.why, ':', 1) as problem, r.why, r.subject, r.team_id, t.public_id as team
    from result as r
    inner join team as t on r.team_id = t.id
    where r.why <> '' and t.deleted_at is null
) as f
group by f.job, f.problem
order by subjects desc, f.job asc, f.problem asc
limit 20

-- A team has one subscription at a time.

select a.team_id, a.plan, a.starts_at, a.ends_at, b.plan as other, b.starts_at as other_starts
from subscription as a
inner join subscription as b on a.team_id = b.team_id and a.starts_at < b.starts_at
where a.ends_at is null or a.ends_at > b.starts_at
limit 20

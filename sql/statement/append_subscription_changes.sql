-- Writes decisions about a team's subscription down, in the order given.

insert into subscription_change (subscription_id, team_id, effective_at, decision, decided_at, decided_by)
select s.id, s.team_id, (d.change ->> 'effective_at')::timestamptz, d.change -> 'decision', %(now)s, %(by)s
from subscription as s
cross join jsonb_array_elements(%(decisions)s::jsonb) with ordinality as d (change, position)
where s.team_id = %(team_id)s
order by d.position

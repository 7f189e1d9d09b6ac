-- Every series of a team that counts for its limits, with whom it is of: not usage under internal keys, nor of failed calls.
-- `billable` is what has to be paid for, too.

select
    v.id, v.meter, coalesce(s.member_id, 0) as member_id, coalesce(s.service_id, 0) as service_id,
    coalesce(s.key_id, 0) as key_id, v.aggregation, v.per_month, v.billable
from usage_series as v
inner join series as s on v.id = s.id
where v.team_id = %(team_id)s and s.billable
order by v.id

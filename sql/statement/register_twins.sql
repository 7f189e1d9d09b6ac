-- Makes the places where voided events of these series will lie, where they are missing.

insert into series (team_id, meter_id, member_id, service_id, key_id, billable, dimensions, identity, voided_of)
select
    s.team_id, s.meter_id, s.member_id, s.service_id, s.key_id, s.billable, s.dimensions,
    left(encode(sha256(convert_to('voided ' || s.identity, 'UTF8')), 'hex'), 32)::uuid, s.id
from series as s
where s.team_id = %(team_id)s and s.id = any(%(series)s::bigint []) and s.voided_of is null
order by s.id
on conflict do nothing

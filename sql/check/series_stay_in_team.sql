-- No series points into another team: its member, service and key are of its own team, its meter too or the catalogue's.

select
    s.team_id,
    s.id as series_id,
    m.team_id as team_of_member,
    v.team_id as team_of_service,
    k.team_id as team_of_key,
    t.team_id as team_of_meter
from series as s
inner join meter as t on s.meter_id = t.id
left join member as m on s.member_id = m.id
left join service as v on s.service_id = v.id
left join api_key as k on s.key_id = k.id
where m.team_id <> s.team_id or v.team_id <> s.team_id or k.team_id <> s.team_id or t.team_id <> s.team_id
limit 20

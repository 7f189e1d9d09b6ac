-- Everything that is stored of a team's events between two instants, with labels, in the order that files have.

select
    u.time, u.event_id, u.series_id, u.quantity, u.covers_us, u.attributes::text, s.voided_of is not null, t.slug,
    m.user_id, v.slug, s.dimensions::text, u.attributes ->> 'id'
from usage_event as u
inner join series as s on u.series_id = s.id
inner join meter as t on s.meter_id = t.id
left join member as m on s.member_id = m.id
left join service as v on s.service_id = v.id
where u.team_id = %(team_id)s and u.time >= %(since)s and u.time < %(until)s
order by u.time, u.event_id

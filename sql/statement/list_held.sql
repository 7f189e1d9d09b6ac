-- The held events of a team, newest first, from before one of them: in any state or one, since an instant, of one hold

select
    h.id, h.public_id, h.event_id, t.slug, t.unit, t.aggregation, t.divisor, t.per_month, h.at,
    case h.decision when 'count' then 'counted' when 'drop' then 'dropped' else 'open' end, h.decided_at, c.public_id,
    d.public_id, h.first_time, h.first_covers_us is not null, h.first_quantity, fm.user_id, fv.slug, f.dimensions,
    h.time, h.covers_us is not null, h.quantity, sm.user_id, sv.slug, s.dimensions
from held_event as h
inner join correction as c on h.hold_id = c.id
left join correction as d on h.decision_id = d.id
inner join series as f on h.first_series_id = f.id
inner join series as s on h.series_id = s.id
inner join meter as t on s.meter_id = t.id
left join member as fm on f.member_id = fm.id
left join service as fv on f.service_id = fv.id
left join member as sm on s.member_id = sm.id
left join service as sv on s.service_id = sv.id
where h.team_id = %(team_id)s
    and (
        %(state)s::text is null
        or h.decision is not distinct from case %(state)s when 'counted' then 'count' when 'dropped' then 'drop' end
    )
    and (%(since)s::timestamptz is null or h.at >= %(since)s)
    and (%(hold)s::uuid is null or c.public_id = %(hold)s)
    and (%(before)s::bigint is null or h.id < %(before)s)
order by h.id desc
limit %(rows)s

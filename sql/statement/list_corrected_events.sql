-- A page of the events of a correction, from after a time and event id: how they were before it and after it, in their
-- meter's base unit.

select
    e.time, e.event_id, t.slug, t.unit, t.aggregation, t.divisor, t.per_month, e.old_quantity, om.user_id, ov.slug,
    o.dimensions, o.voided_of is not null, e.new_quantity, nm.user_id, nv.slug, n.dimensions, n.voided_of is not null
from corrected_event as e
inner join series as o on e.old_series_id = o.id
inner join series as n on e.new_series_id = n.id
inner join meter as t on o.meter_id = t.id
left join member as om on o.member_id = om.id
left join service as ov on o.service_id = ov.id
left join member as nm on n.member_id = nm.id
left join service as nv on n.service_id = nv.id
where e.correction_id = %(correction_id)s
    and (%(after)s::timestamptz is null or (e.time, e.event_id) > (%(after)s::timestamptz, %(after_id)s::uuid))
order by e.time, e.event_id
limit %(rows)s

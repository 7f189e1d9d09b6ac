-- Every event whose correction stands is as its last correction says. Looked at: corrections of the last 45 days, up to 20,000
-- of their events that are kept.

with last as (
    select distinct on (e.team_id, e.time, e.event_id)
        e.team_id, e.time, e.event_id, e.correction_id, c.kind, e.new_series_id, e.new_quantity
    from corrected_event as e
    inner join correction as c on e.correction_id = c.id
    where c.at > %(now)s::timestamptz - interval '45 days' and e.time >= (select floor from raw_floor)
    order by e.team_id asc, e.time asc, e.event_id asc, e.correction_id desc
    limit 20000
)

select l.team_id, l.time, l.event_id, l.correction_id, u.series_id, l.new_series_id, u.quantity, l.new_quantity
from last as l
left join lateral (
    select e.series_id, e.quantity
    from usage_event as e
    where e.team_id = l.team_id and e.time = l.time and e.event_id = l.event_id
    limit 1
) as u on true
where l.kind <> 'undo' and (u.series_id, u.quantity) is distinct from (l.new_series_id, l.new_quantity)
limit 20

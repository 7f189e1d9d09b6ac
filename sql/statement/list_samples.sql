-- When the samples of some series begin, in order, each once however many quarters it lies in.

select t.series_id, array_agg(t.at order by t.at) as instants
from (
    select distinct
        u.series_id,
        case
            when u.covers_us is null then u.time
            else u.time + interval '1 microsecond' - u.covers_us * interval '1 microsecond'
        end as at
    from usage_event as u
    where u.team_id = %(team_id)s and u.time >= %(since)s and u.time < %(until)s
        and u.series_id = any(%(series)s::bigint [])
) as t
group by t.series_id

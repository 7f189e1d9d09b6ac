-- What is counted per meter, service and hour, in base units.

select
    m.slug,
    v.slug as service,
    h.bucket,
    sum(h.total) as total
from hourly as h
inner join series as s on h.series_id = s.id
inner join meter as m on s.meter_id = m.id
inner join service as v on s.service_id = v.id
group by m.slug, v.slug, h.bucket

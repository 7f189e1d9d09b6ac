-- Which quarters have raw events of expected series, and which are noted: rows in only one of both, and the number of both.
with raw as (
    select distinct u.series_id, date_bin('15 minutes', u.time, '2000-01-01 00:00:00+00') as bucket
    from usage_event as u
    inner join expected_series as e on u.series_id = e.series_id
),

noted as (
    select c.series_id, c.day::timestamp at time zone 'UTC' + n * interval '15 minutes' as bucket
    from coverage as c
    cross join generate_series(0, 95) as g (n)
    where get_bit(c.seen, n) = 1
)

select coalesce(r.series_id, c.series_id) as series_id, coalesce(r.bucket, c.bucket) as bucket, r.bucket is not null as is_raw
from raw as r
full join noted as c on r.series_id = c.series_id and r.bucket = c.bucket
where r.bucket is null or c.bucket is null

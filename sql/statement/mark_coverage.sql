-- Notes of some quarters which series have data in them, and says of which days that changes what was known. Nothing is
-- written where nothing changes.

with noted as materialized (
    select distinct
        n.team_id,
        n.bucket,
        (n.bucket at time zone 'UTC')::date as day,
        set_bit(repeat('0', 96)::bit(96), mod(extract(epoch from n.bucket)::bigint / 900, 96)::integer, 1) as quarter
    from unnest(%(teams)s::bigint [], %(buckets)s::timestamptz []) as n (team_id, bucket)
),

days as materialized (
    select team_id, day, bit_or(quarter) as looked from noted group by team_id, day
),

found as (
    select n.team_id, e.series_id, n.day, bit_or(n.quarter) as seen
    from noted as n
    inner join rolled_quarter as r on n.team_id = r.team_id and n.bucket = r.bucket
    inner join expected_series as e on r.series_id = e.series_id
    group by n.team_id, e.series_id, n.day
),

known as (
    select c.team_id, c.series_id, c.day, c.seen, d.looked
    from coverage as c
    inner join days as d on c.team_id = d.team_id and c.day = d.day
),

changed as materialized (
    select
        coalesce(k.team_id, f.team_id) as team_id,
        coalesce(k.series_id, f.series_id) as series_id,
        coalesce(k.day, f.day) as day,
        coalesce(k.seen, repeat('0', 96)::bit(96)) as was,
        coalesce(k.seen & ~k.looked, repeat('0', 96)::bit(96)) | coalesce(f.seen, repeat('0', 96)::bit(96)) as seen
    from known as k
    full join found as f on k.series_id = f.series_id and k.day = f.day
),

written as (
    insert into coverage (team_id, series_id, day, seen)
    select team_id, series_id, day, seen
    from changed
    where seen <> was and bit_count(seen) > 0
    order by series_id, day
    on conflict (series_id, day) do update set seen = excluded.seen
),

emptied as (
    delete from coverage as c
    using changed as g
    where g.seen <> g.was and bit_count(g.seen) = 0 and c.series_id = g.series_id and c.day = g.day
)

select series_id, day, was::text, seen::text
from changed
where seen <> was
order by series_id, day

-- Makes teams that each have so many series of some meters of the catalogue that add up.

with teams as (
    insert into team (public_id, name, timezone, currency)
    select gen_random_uuid(), 'Team ' || n, 'UTC', 'USD'
    from generate_series(1, %(teams)s) as g (n)
    returning id
),

meters as (
    select id from meter
    where team_id is null and aggregation in ('sum', 'count', 'time_weighted')
    order by id
    limit %(meters)s
)

insert into series (team_id, meter_id, billable, identity)
select t.id, m.id, true, gen_random_uuid()
from teams as t
cross join meters as m
cross join generate_series(1, %(series)s)

-- A year of events, one a quarter on every fourth day, dealt to the series of a team in turn, and a log row for each.

with own as (
    select array_agg(id order by id) as ids
    from series
    where team_id = %(team_id)s
),

loaded as (
    insert into usage_event (team_id, time, event_id, series_id, quantity)
    select
        %(team_id)s, e.time, gen_random_uuid(), own.ids[1 + e.n %% array_length(own.ids, 1)], 1 + e.n %% 1000
    from own
    cross join generate_series(%(since)s, %(until)s, interval '15 minutes') with ordinality as e (time, n)
    where e.n / 96 %% 4 = 0
    returning time
)

insert into touched (team_id, bucket)
select distinct %(team_id)s::bigint, date_bin('15 minutes', time, '2000-01-01 00:00:00+00')
from loaded

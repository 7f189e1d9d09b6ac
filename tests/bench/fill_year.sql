-- A year of events, spread evenly over the series of one meter: (events, step) decide how many and how far apart.

insert into usage_event (team_id, time, event_id, series_id, quantity)
select
    %(team_id)s,
    %(start)s::timestamptz + n * %(step)s::interval,
    lpad(to_hex(n), 32, '0')::uuid,
    (%(series)s::bigint [])[1 + n %% cardinality(%(series)s::bigint [])],
    n %% 1000
from generate_series(%(first)s::bigint, %(last)s::bigint) as g (n)

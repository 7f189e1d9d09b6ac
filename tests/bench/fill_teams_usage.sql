-- An event a day of each series of some teams: (days) of them from an instant on.

insert into usage_event (team_id, time, event_id, series_id, quantity)
select
    s.team_id,
    %(start)s::timestamptz + n * interval '1 day' + s.id %% 20 * interval '30 seconds',
    lpad(to_hex(s.id * 1000 + n), 32, '0')::uuid,
    s.id,
    1 + (s.id * 7919 + n * 104729) %% 5000
from series as s
cross join generate_series(0, %(days)s - 1) as g (n)
where s.team_id between %(first)s and %(last)s

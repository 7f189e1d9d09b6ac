-- How many series have been silent for longer than they may, to the quarter of an hour, over all teams.

select count(*)
from series_expected
where until is null and since is not null and every_seconds is not null
    and last_quarter + interval '15 minutes'
    < %(now)s - greatest(%(missed)s * every_seconds, %(least_seconds)s) * interval '1 second'

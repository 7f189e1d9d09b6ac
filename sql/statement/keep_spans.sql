-- Keeps when series were there.

insert into expected_span (series_id, since, until, ended)
select w.series_id, w.since, w.until, w.ended
from unnest(
    %(series)s::bigint [], %(since)s::timestamptz [], %(until)s::timestamptz [], %(ended)s::boolean []
) as w (series_id, since, until, ended)
order by w.series_id, w.since

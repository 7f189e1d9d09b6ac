-- When did series of a team last have data, of those that had any since an instant? In seconds since 1970.

select series_id, max(latest[1]) as last_at
from quarter
where team_id = %(team_id)s and bucket >= %(since)s
group by series_id

-- Days of teams that are due for a look at many days around: of all teams, or of one and then whether due or not.

select team_id, day, changes
from wide_look
where (%(team_id)s::bigint is null and due <= %(now)s::timestamptz)
    or (
        team_id = %(team_id)s::bigint
        and day > %(since)s::timestamptz - interval '1 day' and day < %(until)s::timestamptz
    )
order by due, team_id, day
limit %(rows)s

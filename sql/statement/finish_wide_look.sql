-- Takes a day that was looked at out of the list; where something changed meanwhile it stays, for another time.

with gone as (
    delete from wide_look
    where team_id = %(team_id)s and day = %(day)s and changes = %(changes)s
    returning day
)

update wide_look
set due = %(now)s::timestamptz + interval '1 hour'
where team_id = %(team_id)s and day = %(day)s and not exists (select from gone)

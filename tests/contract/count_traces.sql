-- How many members, services and series a team has.

select
    (select count(*) from member where team_id = %(team_id)s),
    (select count(*) from service where team_id = %(team_id)s),
    (select count(*) from series where team_id = %(team_id)s)

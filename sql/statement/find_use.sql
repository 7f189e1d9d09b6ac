-- find_use
-- Was anything ever counted by this meter, or is about to be? By team, for which there is an index.

select exists(
    select
    from team as t
    inner join series as s on t.id = s.team_id
    where s.meter_id = %(meter_id)s
)

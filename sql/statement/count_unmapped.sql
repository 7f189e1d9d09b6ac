-- How many names are listed that no rule takes, and which of these are among them.

select
    (select count(*) from unmapped where team_id = %(team_id)s),
    array(
        select w.position
        from unnest(%(names)s::text [], %(reasons)s::text []) with ordinality as w (name, reason, position)
        inner join unmapped as u
            on u.team_id = %(team_id)s and u.source = %(source)s and w.name = u.name and w.reason = u.reason
    )

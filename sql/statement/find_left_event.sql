-- Is a raw event still there that lies before the floor?

select exists(
    select
    from team as t
    cross join lateral (
        select u.time
        from usage_event as u
        where u.team_id = t.id and u.time < (select floor from raw_floor)
        limit 1
    ) as e
)

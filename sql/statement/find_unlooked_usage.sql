-- Whether a team has usage in a period whose identities were not looked at as far around as they will be.

select
    exists (
        select from touched where team_id = %(team_id)s and bucket >= %(since)s and bucket < %(until)s
    )
    or exists (
        select
        from follow_up
        where job = 'identity' and team_id = %(team_id)s and bucket >= %(since)s and bucket < %(until)s
    )
    or exists (
        select
        from wide_look
        where team_id = %(team_id)s
            and day > %(since)s::timestamptz - interval '1 day' and day < %(until)s::timestamptz
    )

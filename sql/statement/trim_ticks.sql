-- Forgets what was visible before an instant; of what is older than another instant, all but the first of an hour.

delete from snapshot_tick as t
where t.at < %(before)s
    or (
        t.at < %(since)s
        and exists (
            select from snapshot_tick as e
            where e.at < t.at and e.at >= date_bin('1 hour', t.at, '2000-01-01 00:00:00+00')
        )
    )

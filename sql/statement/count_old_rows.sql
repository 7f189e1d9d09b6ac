-- How many results, billing runs and mails drop_results, drop_billing_runs and drop_mail would forget, each before an instant
-- (null: none).

select
    (
        select count(*)
        from result as r
        inner join team as t on r.team_id = t.id
        where %(results)s::timestamptz is not null
            and (
                coalesce(r.made_at, r.due_at) < %(results)s::timestamptz
                or t.deleted_at is not null
                or exists (
                    select from meter as m
                    where m.slug = r.subject and m.archived_at is not null
                        and (m.team_id is null or m.team_id = r.team_id)
                )
            )
    ) as results,
    (select count(*) from billing_run as b where b.ended_at < %(billing_runs)s::timestamptz) as billing_runs,
    (
        select count(*)
        from mail as m
        inner join invoice as i on m.invoice_id = i.id
        where m.state <> 'queued' and m.queued_at < %(mail)s::timestamptz and i.status <> 'open'
    ) as mail

-- The invoices of a team whose period has one of these hours, by their period.

select i.public_id, i.number, i.status, i.period_from, i.period_to
from invoice as i
where i.team_id = %(team_id)s
    and i.reason = 'period'
    and exists (
        select
        from unnest(%(hours)s::timestamptz []) as h (hour)
        where h.hour < i.period_to and h.hour + interval '1 hour' > i.period_from
    )
order by i.period_from, i.id
limit %(rows)s

-- The invoices of a team whose period has an hour that a backfill moves, by their period.

select i.public_id, i.number, i.status, i.period_from, i.period_to
from invoice as i
where i.team_id = %(team_id)s
    and i.reason = 'period'
    and exists (
        select
        from backfill_hour as h
        where h.backfill_id = %(backfill_id)s
            and h.hour < i.period_to and h.hour + interval '1 hour' > i.period_from
            and (
                h.added_events + h.amended_events + h.voided_events > 0
                or (h.added, h.amended_from, h.amended_to, h.voided) is distinct from (0, 0, 0, 0)
            )
    )
order by i.period_from, i.id
limit %(rows)s

-- Whether final invoices of a team bill every moment of a period, in however many parts.

select
    tstzmultirange(tstzrange(%(period_from)s::timestamptz, %(period_to)s::timestamptz))
    <@ coalesce(range_agg(tstzrange(i.period_from, i.period_to)), '{}'::tstzmultirange) as billed
from invoice as i
where i.team_id = %(team_id)s
    and i.reason = %(reason)s
    and i.status not in ('draft', 'void')
    and i.period_from < %(period_to)s
    and i.period_to > %(period_from)s

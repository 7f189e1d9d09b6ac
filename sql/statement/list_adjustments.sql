-- Differences that were found of final invoices, newest first, and which document has each.

with told as (
    select
        a.*,
        case
            when i.status = 'void' then 'withdrawn'
            when a.outcome = 'credit_note' then 'credited'
            when a.outcome = 'written_off' then 'written_off'
            when a.billed_on is null then 'waiting'
            else 'billed'
        end as state
    from adjustment as a
    inner join invoice as i on a.invoice_id = i.id
)

select
    a.id, a.public_id, t.public_id, i.public_id, i.number, i.period_from, i.period_to, i.zone, i.currency, a.found_at,
    a.came, a.before, a.after, a.lines::text as lines, a.state, coalesce(b.public_id, c.public_id),
    coalesce(b.number, c.number), a.note
from told as a
inner join team as t on a.team_id = t.id
inner join invoice as i on a.invoice_id = i.id
left join invoice as b on a.billed_on = b.id
left join credit_note as c on a.credit_note = c.public_id
where (%(team_id)s::bigint is null or a.team_id = %(team_id)s)
    and (%(before)s::bigint is null or a.id < %(before)s)
    and (%(since)s::timestamptz is null or a.found_at >= %(since)s)
    and (%(until)s::timestamptz is null or a.found_at < %(until)s)
    and (%(state)s::text is null or a.state = %(state)s)
order by a.id desc
limit %(rows)s

-- Decides that nobody bills a difference that waits; whether it waited, no row where there is none.

with found as (
    select a.id, a.outcome = 'next_invoice' and a.billed_on is null and i.status <> 'void' as waits
    from adjustment as a
    inner join invoice as i on a.invoice_id = i.id
    where a.team_id = %(team_id)s and a.public_id = %(public_id)s
    for update of a
),

written_off as (
    update adjustment set outcome = 'written_off', note = %(note)s
    from found
    where adjustment.id = found.id and found.waits
)

select waits from found

-- Every credit note adds up to the cent: lines to its sums, shares to the lines; and it went where it says, off what was to
-- pay of the invoice or into the account. No invoice is credited beyond its total.

select c.public_id, c.number, c.net, c.total, l.nets, l.totals, c.to_invoice, s.settled
from credit_note as c
left join (
    select x.credit_note_id, sum(x.net) as nets, sum(x.total) as totals, bool_and(x.total = h.amount) as shared
    from credit_note_line as x
    left join (select line_id, sum(amount) as amount from credit_note_share group by line_id) as h on x.id = h.line_id
    group by x.credit_note_id
) as l on c.id = l.credit_note_id
left join (
    select invoice_id, source, sum(amount) as settled from invoice_settlement
    where kind = 'credit_note'
    group by invoice_id, source
) as s on c.invoice_id = s.invoice_id and c.public_id = s.source
where c.net <> coalesce(l.nets, 0) or c.total <> coalesce(l.totals, 0) or l.shared is not true
    or c.to_invoice <> coalesce(s.settled, 0)
    or (c.to_balance > 0) <> exists (
        select 1 from ledger_transaction as t
        where t.source = 'credit_note/' || c.public_id
    )
    or (select sum(n.total) from credit_note as n where n.invoice_id = c.invoice_id) > (
        select i.total from invoice as i
        where i.id = c.invoice_id
    )
limit 20

-- Writes a credit note under the next number. The counter stays locked until commit: no number is lost or doubled.

with taken as (
    update credit_note_counter set last = last + 1
    returning last
)

insert into credit_note (
    public_id, team_id, invoice_id, position, number, reason, note, currency, net, tax, total, taxes, to_invoice,
    to_balance, to_refund, issued_at
)
select
    %(public_id)s, %(team_id)s, %(invoice_id)s, taken.last,
    'CN-' || lpad(taken.last::text, greatest(6, length(taken.last::text)), '0'), %(reason)s, %(note)s, %(currency)s,
    %(net)s::numeric, %(tax)s::numeric, %(total)s::numeric, %(taxes)s::json, %(to_invoice)s::numeric,
    %(to_balance)s::numeric, %(to_refund)s::numeric, %(now)s::timestamptz
from taken
returning id, position, number

-- Where what was found of an invoice after it was made is billed or credited.

select coalesce(b.number, a.outcome) as decided_on
from adjustment as a
left join invoice as b on a.billed_on = b.id
where a.invoice_id = %(invoice_id)s and (a.billed_on is not null or a.outcome = 'credit_note')
order by a.id
limit 1

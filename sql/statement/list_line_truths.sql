-- What is behind the lines of an invoice, in their order: events, coverage, digest; null on lines from before there were any.

select l.events, l.coverage, l.digest
from invoice_line as l
where l.invoice_id = %(invoice_id)s
order by l.position

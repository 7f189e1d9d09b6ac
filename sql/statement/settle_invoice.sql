-- Says that a part of an invoice is settled; once per kind and source.

insert into invoice_settlement (invoice_id, kind, amount, description, source, created_at)
values (%(invoice_id)s, %(kind)s, %(amount)s, %(description)s, %(source)s, %(now)s)
on conflict (invoice_id, kind, source) do nothing

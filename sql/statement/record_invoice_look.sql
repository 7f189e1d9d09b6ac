-- Notes when an invoice was looked at, and what was heard where that failed.

insert into invoice_look (invoice_id, looked_at, why)
values (%(invoice_id)s, %(now)s, %(why)s)
on conflict (invoice_id) do update set looked_at = excluded.looked_at, why = excluded.why

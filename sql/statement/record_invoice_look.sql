-- Notes when an invoice was looked at.

insert into invoice_look (invoice_id, looked_at)
values (%(invoice_id)s, %(now)s)
on conflict (invoice_id) do update set looked_at = excluded.looked_at

-- Keeps a version of a price book, unless somebody did.

insert into price_version (book, version, content, attached, created_at)
values (%(book)s, %(version)s, %(content)s, %(attached)s::jsonb, %(now)s)
on conflict do nothing

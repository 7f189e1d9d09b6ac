-- Keeps a version of a price book, unless somebody did.

insert into price_version (book, version, content, created_at)
values (%(book)s, %(version)s, %(content)s, %(now)s)
on conflict do nothing

-- Puts a version of a price book in force from an instant on.

insert into price_schedule (book, effective_from, price_version_id, applied_at, applied_by)
values (%(book)s, %(effective_from)s, %(price_version_id)s, %(now)s, %(by)s)

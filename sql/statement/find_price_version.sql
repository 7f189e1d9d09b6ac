-- The id under which a version of a price book is kept.

select id from price_version where book = %(book)s and version = %(version)s

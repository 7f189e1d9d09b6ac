-- What these versions of price books say.

select id, book, version, content, attached
from price_version
where id = any(%(ids)s::bigint [])

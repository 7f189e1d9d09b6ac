-- Moves every chunk of points before an instant to the columnstore.

select compress_chunk(c)
from show_chunks('point', older_than => %(instant)s) as c

-- Moves every chunk before an instant to the columnstore, what came late to one included.

select compress_chunk(c)
from show_chunks('usage_event', older_than => %(instant)s) as c

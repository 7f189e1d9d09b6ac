-- What each check found when the worker ran it last, by name.

select name, says, holds, unfinished, rows, took_ms, at
from check_result
order by name

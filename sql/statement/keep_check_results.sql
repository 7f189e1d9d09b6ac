-- Puts what the checks found now in place of what they found last; one that is no longer known goes.

with gone as (
    delete from check_result where name <> all(%(known)s::text [])
)

insert into check_result (name, says, holds, unfinished, rows, took_ms, at)
select f.name, f.says, f.holds, f.unfinished, f.rows, f.took_ms, %(now)s
from unnest(
    %(names)s::text [],
    %(says)s::text [],
    %(holds)s::boolean [],
    %(unfinished)s::text [],
    %(rows)s::jsonb [],
    %(took_ms)s::bigint []
) as f (name, says, holds, unfinished, rows, took_ms)
on conflict (name) do update set
says = excluded.says,
holds = excluded.holds,
unfinished = excluded.unfinished,
rows = excluded.rows,
took_ms = excluded.took_ms,
at = excluded.at

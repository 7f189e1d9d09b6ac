-- Puts what one check found in place of what it found last.

insert into check_result (name, says, holds, unfinished, rows, took_ms, at)
values (%(name)s, %(says)s, %(holds)s, %(unfinished)s, %(rows)s::jsonb, %(took_ms)s, %(now)s)
on conflict (name) do update set
says = excluded.says,
holds = excluded.holds,
unfinished = excluded.unfinished,
rows = excluded.rows,
took_ms = excluded.took_ms,
at = excluded.at

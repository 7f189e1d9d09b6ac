-- Notes that a file was applied, in the same transaction; what is made anew each time has one row, renewed.

insert into meter.migration (number, name, engine, sha256)
values (%(number)s, %(name)s, %(engine)s, %(sha256)s)
on conflict (number) do update set sha256 = excluded.sha256, applied_at = now()
where migration.number = 0

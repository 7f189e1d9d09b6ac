-- How many files the archive has, of how many rows and bytes, and from which week to which.

select count(*), coalesce(sum(rows), 0)::bigint, coalesce(sum(bytes), 0)::bigint, min(week), max(week) from archive_file

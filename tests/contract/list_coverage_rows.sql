-- The rows that coverage is in, and which transactions wrote them.
select series_id, day, seen::text, xmin::text from coverage order by 1, 2

-- How many rows of the log wait to be rolled up, counted no further than one refresh takes.

select count(*) from (select from touched limit %(most)s) as waiting

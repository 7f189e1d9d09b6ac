-- The quarters of an hour with data, per series and day (UTC): 96 bits, the day's first quarter leftmost.

create view series_coverage as
select team_id, series_id, day, seen from coverage;

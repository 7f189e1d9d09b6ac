-- Since when are raw events kept? Nothing where none were ever dropped.

select nullif(floor, '-infinity') from raw_floor

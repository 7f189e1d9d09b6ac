-- What is kept since when: raw events, what is taken at all, an unbroken archive, points. Nothing where all is.

select
    nullif(floor, '-infinity') as floor,
    nullif(closed, '-infinity') as closed,
    nullif(unarchived, '-infinity') as unarchived,
    nullif(points, '-infinity') as points
from raw_floor

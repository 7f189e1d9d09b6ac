-- Before which instant is nothing taken or changed any more? Nothing where none is closed.

select nullif(closed, '-infinity') from raw_floor

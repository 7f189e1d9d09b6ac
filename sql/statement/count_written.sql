-- How many rows the log of touched quarters has had so far: it grows whenever anybody writes usage.

select coalesce(pg_sequence_last_value(pg_get_serial_sequence('touched', 'id')::regclass), 0)

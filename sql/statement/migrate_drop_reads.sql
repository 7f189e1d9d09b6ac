-- Takes the read contract away, to be made anew in the same transaction.

drop schema if exists meter_read cascade

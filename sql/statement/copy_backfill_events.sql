-- Takes events of a source as binary COPY data, columns as meter/copy_rows.py writes those of usage.

copy backfill_event (backfill_id, time, event_id, label_id, quantity, covers_us, attributes) from stdin (format binary)

-- Takes rows of usage_event as binary COPY data, columns as meter/copy_rows.py writes them.

copy usage_event (team_id, time, event_id, series_id, quantity, covers_us, attributes) from stdin (format binary)

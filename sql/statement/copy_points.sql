-- Takes rows of point as binary COPY data, columns as meter/copy_rows.py writes them.

copy point (team_id, stream_id, time, value, reading_id) from stdin (format binary)

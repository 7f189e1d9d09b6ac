-- Drops points before an instant.

call drop_points_before(%(until)s)

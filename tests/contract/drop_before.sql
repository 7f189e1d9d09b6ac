-- Drops raw events before an instant.

call drop_before(%(instant)s)

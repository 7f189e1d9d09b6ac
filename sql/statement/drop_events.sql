-- Drops raw events before an instant; `archived` says that all of them are in the archive.

call drop_before(%(until)s, %(archived)s)

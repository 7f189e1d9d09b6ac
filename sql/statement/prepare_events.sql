-- Makes room for events between two instants, in a transaction of its own before theirs.

call prepare_until(%(until)s, %(since)s)

"""Sources of samples: the host collector, the client and its spool."""

"""Where does usage come from that nobody pushes? One file per source, each a line in SOURCES.

What is sampled here goes through `client`, which keeps it on disk; what waits on a queue goes through `deliver`.
"""

from __future__ import annotations

from meter.collect import amqp, host, redis
from meter.collect.source import Source

SOURCES: tuple[Source, ...] = (host.SOURCE, redis.SOURCE, amqp.SOURCE)
"""Every source that `meter collect NAME` can run."""

"""Where do samples come from? One file per source, each a line in SOURCES; all of them send through `client`."""

from __future__ import annotations

from meter.collect import host
from meter.collect.source import Source

SOURCES: tuple[Source, ...] = (host.SOURCE,)
"""Every source that `meter collect NAME` can run."""

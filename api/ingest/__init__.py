"""How are bodies read? One pure decoder per push protocol; all lead into the one ingest path."""

from __future__ import annotations

from api.ingest import cloudevents, collectd, events, lago, otlp, remote_write, samples

PROTOCOLS = (events, samples, cloudevents, lago, otlp, remote_write, collectd)
"""Every decoder. What it answers is counted by one way in: events, things that happened, or streams of points."""

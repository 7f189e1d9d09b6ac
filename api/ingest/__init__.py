"""How are bodies read? One pure decoder per push protocol; all lead into the one ingest path."""

from __future__ import annotations

from api.ingest import events, samples

PROTOCOLS = (events, samples)
"""Every decoder: `decode(body, content_type, max_batch)` to events, refused ones as Rejections in their place."""

"""Is an invoice what the raw events say? Usage counted again without buckets, priced again, compared to the cent."""

from __future__ import annotations

from meter.verify.draft import check

__all__ = ["check"]

"""Coverage as the API shows it: a share of time in text, null where nobody knows how much data there should be."""

from __future__ import annotations

from meter.coverage.share import Counts
from meter.usage import plain


def share_view(counts: Counts | None) -> str | None:
    """How much of what was expected came, from 0 to 1, four decimals at most, rounded down: 1 is all of it."""
    share = None if counts is None else counts.share
    return None if share is None else plain(share)

"""Which part of a service period is rated: the whole of it, or one of several that are billed one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from meter.rating import proration
from meter.rating.proration import FULL, NEVER, Ratio

if TYPE_CHECKING:
    from meter.rating.periods import Period


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a service period; ``first`` and ``last`` both unless the period is billed in several.

    ``billed`` is what earlier parts billed, by price id, rounded; where it is missing, it is what they would have by
    the same prices. ``served`` is when the customer was served, ``share`` the same as a ratio, for fees that are
    prorated; the whole period if neither is given.
    """

    first: bool = True
    last: bool = True
    billed: Mapping[str, Decimal] = {}
    served: tuple[datetime, datetime] | None = None
    share: Ratio | None = None

    def share_of(self, rule: str, period: Period) -> Ratio:
        """How much of ``period`` is paid for by a rule of ``proration``: all of it where nothing else is said."""
        if rule == NEVER:
            return FULL
        if self.share is not None:
            return self.share
        return FULL if self.served is None else proration.share(*self.served, period, rule)


WHOLE: Final = Split()

"""Which part of a service period is rated: the whole of it, or one of several that are billed one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from meter.rating.proration import Ratio


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


WHOLE: Final = Split()

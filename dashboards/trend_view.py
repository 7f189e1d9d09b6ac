"""What the trends page is given: plain values with the field names of `GET /v1/analytics/trends`.

`msgspec.convert(answer, TrendView, from_attributes=True)` takes the structs of analytics, `msgspec.json.decode` what
the API answers; this folder never imports analytics.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from meter.windows import Window


class PointView(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """One window; `quantity` None is no data, which is not zero."""

    from_: datetime
    to: datetime
    quantity: Decimal | None
    moving_average: Decimal | None
    complete: bool


class ChangeView(msgspec.Struct, frozen=True):
    """Against the equal span before; None where there is nothing to compare with."""

    absolute: Decimal | None
    percent: Decimal | None


class SlopeView(msgspec.Struct, frozen=True):
    """The trend line: its rise per window, and its values in the first and the last window."""

    per_window: Decimal
    percent_per_window: Decimal | None
    first: Decimal
    last: Decimal


class PeakView(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The largest window."""

    from_: datetime
    to: datetime
    quantity: Decimal


class BusiestView(msgspec.Struct, frozen=True):
    """An hour (0-23) or ISO weekday (1 = Monday) and its mean per window."""

    value: int
    mean: Decimal


class GroupView(msgspec.Struct, frozen=True):
    """One group's trend; `group` None is what belongs to none, or everything when nothing was grouped."""

    group: str | None
    total: Decimal | None
    mean: Decimal | None
    windows_with_data: int
    change: ChangeView
    slope: SlopeView | None
    peak: PeakView | None
    busiest_hour: BusiestView | None
    busiest_weekday: BusiestView | None
    points: tuple[PointView, ...]


class TrendView(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The trend of a span; `groups` is one when nothing was grouped."""

    from_: datetime
    to: datetime
    window: Window
    tz: str
    windows: int
    last_window_incomplete: bool
    groups: tuple[GroupView, ...]


class MeterView(msgspec.Struct, frozen=True):
    """A meter to pick: `additive` says whether windows may be added up, `group_by` what it can be split by."""

    slug: str
    title: str
    unit: str
    additive: bool = True
    group_by: tuple[str, ...] = ("member", "service")

"""Time of day model: what a unit costs depends on when it was used, by the clock on the wall of the period's zone."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from meter.rating import charge
from meter.rating.charge import Cells, Charge, Measured
from meter.rating.models import per_unit
from meter.rating.models.rates import Rate, read_rate, refuse_twins, sort
from meter.rating.usage import UsageError

if TYPE_CHECKING:
    from meter.rating.periods import Period
    from meter.rating.table import Table
    from meter.rating.usage import Usage

NAME = "time_of_day"
KIND = "usage"
METERED = True
BY_ROW = False
OTHERWISE: Final = "other times"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY: Final = 24 * 60
MAX_RATES: Final = 7 * 24
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


class Timed(Rate, frozen=True, kw_only=True):
    """What usage costs from minute ``start`` of one of the ``days`` up to but not including minute ``end``.

    Where ``end`` comes before ``start`` it is of the next day, which need not be among the days: a Friday night is
    paid as such until Saturday morning.
    """

    days: tuple[int, ...]
    start: int
    end: int

    @property
    def edges(self) -> tuple[int, int]:
        """The minutes at which it begins and ends."""
        return self.start, self.end

    def covers(self, day: int, minute: int) -> bool:
        """Tell whether the minute of a weekday (0 is Monday) is paid by this rate."""
        if self.start < self.end:
            return day in self.days and self.start <= minute < self.end
        return (day in self.days and minute >= self.start) or ((day - 1) % len(DAYS) in self.days and minute < self.end)


class Terms(charge.Terms, frozen=True, kw_only=True):
    """The rates as written, of which the first that covers a row is its price, and what all other times cost."""

    rates: tuple[Timed, ...]
    otherwise: Rate | None = None


def read(table: Table) -> Terms:
    """Read ``rates``: of each ``from``, ``to``, ``days`` (default: all) and its price; and ``otherwise``.

    Raises BookError.
    """
    read = [(each, _rate(each)) for each in table.rows("rates")]
    if len(read) > MAX_RATES:
        table.refuse("rates", f"are {len(read)}", f"write at most {MAX_RATES}, one for each hour of a week")
    _refuse_unreached(read)
    rest = [(table.inner("otherwise"), _otherwise(table.inner("otherwise")))] if table.has("otherwise") else []
    refuse_twins([*read, *rest])
    return Terms(rates=tuple(rate for _, rate in read), otherwise=rest[0][1] if rest else None)


def divide(terms: Terms, rows: tuple[Usage, ...], period: Period) -> Cells:
    """Sort rows by when they were used. Raises UsageError for those that do not say it."""
    zone = ZoneInfo(period.zone)
    every = terms.rates if terms.otherwise is None else (*terms.rates, terms.otherwise)
    rest = None if terms.otherwise is None else len(terms.rates)

    def choose(row: Usage) -> int | None:
        local = _when(row).astimezone(zone)
        covering = _first(terms.rates, local.weekday(), local.hour * 60 + local.minute)
        return rest if covering is None else covering

    return sort(every, rows, choose)


def price(terms: per_unit.Terms, measured: Measured) -> Charge:
    """Charge the units of one cell."""
    return per_unit.price(terms, measured)


def _when(row: Usage) -> datetime:
    if row.at is None:
        raise UsageError(f"{row.meter} is priced by the time of day; give usage in rows that say when (`at`)")
    return row.at


def _first(rates: tuple[Timed, ...], day: int, minute: int) -> int | None:
    return next((place for place, rate in enumerate(rates) if rate.covers(day, minute)), None)


def _rate(table: Table) -> Timed:
    start, end = _minute(table, "from", "08:00") % DAY, _minute(table, "to", "18:00")
    if start == end:
        table.refuse("to", "is when it begins", 'write from = "00:00" and to = "24:00" for whole days')
    days = _days(table)
    label = f"{table.text('from')} to {table.text('to')}"
    rate = read_rate(table, label if len(days) == len(DAYS) else f"{label}, {' '.join(DAYS[day] for day in days)}")
    table.finish()
    return Timed(label=rate.label, terms=rate.terms, days=days, start=start, end=end)


def _otherwise(table: Table) -> Rate:
    rate = read_rate(table, OTHERWISE)
    table.finish()
    return rate


def _minute(table: Table, field: str, such: str) -> int:
    """Read a time of day in minutes since midnight; 24:00 is the end of the day."""
    clock = table.text(field)
    if not _CLOCK.fullmatch(clock):
        table.refuse(field, f"{clock!r} is not a time of day", f'write hours and minutes, {field} = "{such}"')
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _days(table: Table) -> tuple[int, ...]:
    names = table.names("days")
    unknown = [name for name in names if name not in DAYS]
    if unknown or (table.has("days") and not names):
        table.refuse("days", f"{', '.join(unknown) or 'none'} is no day", f"write some of {', '.join(DAYS)}")
    return tuple(day for day, name in enumerate(DAYS) if name in names or not names)


def _refuse_unreached(read: list[tuple[Table, Timed]]) -> None:
    """Which rate is first changes only where one begins or ends, so those minutes tell all of the week."""
    rates = tuple(rate for _, rate in read)
    minutes = {0, *(rate.start for rate in rates), *(rate.end % DAY for rate in rates)}
    reached = {_first(rates, day, minute) for day in range(len(DAYS)) for minute in minutes}
    for place, (table, _) in enumerate(read):
        if place not in reached:
            table.refuse("from", "never counts, as the rates before cover all of it", "write the narrower one first")

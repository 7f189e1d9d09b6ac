"""What would a wish cost? The invoices of the periods around it as they would be now, without it and with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from meter import bill
from meter.bill import Draft
from meter.database import Connection
from meter.errors import CurrencyMismatch
from meter.rating.periods import Period
from meter.subscriptions import timeline
from meter.subscriptions.ask import Known
from meter.subscriptions.changes import Cancel, Change, ChangePlan, Decided, Outcome, standing, with_outcome
from meter.subscriptions.store import Log

_TWO_PERIODS = timedelta(days=63)
_SHOWN = 2


class Effect(NamedTuple):
    """A period's invoice by what was decided before, and by what will be; None where there is no such period."""

    before: Draft | None
    after: Draft | None

    @property
    def period(self) -> Period:
        """Which period."""
        drafts = [draft for draft in (self.after, self.before) if draft is not None]
        return drafts[0].period

    @property
    def difference(self) -> Decimal:
        """What is to be paid more."""
        return _total(self.after) - _total(self.before)


class Window(NamedTuple):
    """Where the first period begins whose invoice a wish may change, and where that in which the last of it happens."""

    start: datetime
    last: datetime


class Money(NamedTuple):
    """What a wish does to invoices, and what of a fee that was paid would be paid back: None where none is."""

    effects: tuple[Effect, ...]
    refund: Decimal | None

    @property
    def before(self) -> Decimal:
        """What is to be paid without it."""
        return sum((_total(each.before) for each in self.effects), Decimal(0))

    @property
    def after(self) -> Decimal:
        """What is to be paid with it."""
        return sum((_total(each.after) for each in self.effects), Decimal(0))


async def money(conn: Connection, known: Known, outcome: Outcome) -> Money:
    """What an outcome costs in the running period and the next, and in those from its last instant on.

    By the usage there is now, with the code that makes invoices. In the caller's transaction, which must be of one
    snapshot (`begin_reading`). Raises as `bill.draft`: an outcome by which no invoice could be made is none.
    """
    now, log = known.facts.now, known.facts.changes
    instants = [now, *(each.at for each in outcome.decided), *(each.at for each in outcome.withdrawn)]
    window = _window(standing(log), known.team.timezone, instants)
    before = await _drafts(conn, known, log, window, lenient=True)
    after = await _drafts(conn, known, with_outcome(log, outcome, now, ""), window)
    starts = sorted(before.keys() | after.keys())
    effects = tuple(Effect(before.get(start), after.get(start)) for start in starts)
    return Money(effects, await _refund(conn, known, outcome, tuple(after.values())))


async def _drafts(
    conn: Connection, known: Known, log: Sequence[Change], window: Window, *, lenient: bool = False
) -> dict[datetime, Draft]:
    """The invoices of the periods looked at, by their starts; `lenient`, without those that could not be made."""
    changes, found = standing(log), {}
    for period in _periods(changes, known.team.timezone, window):
        try:
            found[period.start] = await bill.draft(conn, known.team, period, known.books, Log(None, changes))
        except CurrencyMismatch:
            if not lenient:
                raise
    return found


def _window(changes: Sequence[Change], zone: str, instants: Sequence[datetime]) -> Window:
    """From the beginnings of the periods that the instants are in, as a cancellation may cut a period short."""
    first, last = (timeline.period_at(changes, zone, each) for each in (min(instants), max(instants)))
    return Window(min(instants) if first is None else first.start, max(instants) if last is None else last.start)


def _periods(changes: Sequence[Change], zone: str, window: Window) -> tuple[Period, ...]:
    """The first period and the next; where the last change lies beyond them, its own and the next too."""
    found = _two(changes, zone, window.start)
    if not found or window.last >= found[-1].end:
        found += tuple(period for period in _two(changes, zone, window.last) if period not in found)
    return found


def _two(changes: Sequence[Change], zone: str, since: datetime) -> tuple[Period, ...]:
    return timeline.periods(changes, zone, since, since + _TWO_PERIODS)[:_SHOWN]


async def _refund(conn: Connection, known: Known, outcome: Outcome, drafts: Sequence[Draft]) -> Decimal | None:
    """What a fee that stays on the invoice is too much: the same periods, had its unused time been credited."""
    if not any(_refunds(each) for each in outcome.decided):
        return None
    credited = replace(outcome, decided=tuple(_credited(each) for each in outcome.decided))
    changes = standing(with_outcome(known.facts.changes, credited, known.facts.now, ""))
    back = Decimal(0)
    for each in drafts:
        other = await bill.draft(conn, known.team, each.period, known.books, Log(None, changes))
        back += each.document.total - other.document.total
    return back


def _refunds(decided: Decided) -> bool:
    return isinstance(decided.decision, ChangePlan | Cancel) and decided.decision.unused == "refund"


def _credited(decided: Decided) -> Decided:
    if isinstance(decided.decision, ChangePlan | Cancel) and _refunds(decided):
        return decided._replace(decision=replace(decided.decision, unused="credit"))
    return decided


def _total(draft: Draft | None) -> Decimal:
    return Decimal(0) if draft is None else draft.document.total

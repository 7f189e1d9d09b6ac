"""The invoices of a team one after the other: gifts before tax, what was billed ahead, what came late.

What there is of gifts depends on all that was billed before. So this goes through the year as the worker does: what
each period came to when it was billed stands, and where it comes to something else by now, that is on the next invoice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tests.billing.year.customers import Customer, Prices
from tests.billing.year.gifts import Gifts, Off, added, less
from tests.billing.year.months import Month
from tests.billing.year.reckoning import GRACE, Bill, Line, Reckoner, ahead_at, begun, first_turn, periods
from tests.billing.year.rows import Row, sum_of

BILLED_AFTER = timedelta(hours=1)
"""For how long a period is over when its draft is written, for which earlier periods are looked at."""
Which = tuple[Month, Month]
"""A billing period, and the month that it is all or a part of."""


class Owed(NamedTuple):
    """What an invoice must say: its lines that are not nothing, what it takes of each gift, and its sums."""

    start: datetime
    end: datetime
    reason: str
    currency: str
    lines: tuple[Line, ...]
    given: tuple[tuple[str, Decimal], ...]
    tax: Decimal
    total: Decimal


class Asked(NamedTuple):
    """What is asked for before taxes on top, the taxes, and what is to be paid."""

    net: Decimal
    tax: Decimal
    total: Decimal

    def more(self, other: Asked) -> Asked:
        """Answer both together."""
        return Asked(*(one + two for one, two in zip(self, other, strict=True)))

    def less(self, other: Asked) -> Asked:
        """Answer the rest where other was asked for."""
        return Asked(*(one - two for one, two in zip(self, other, strict=True)))


NOTHING = Asked(Decimal(0), Decimal(0), Decimal(0))


class Standing(NamedTuple):
    """What a period was billed with: all that is asked for, what came off for gifts, and when its usage was known."""

    asked: Asked
    offs: tuple[Off, ...]
    known: datetime


class Issued(NamedTuple):
    """What a team is billed, in the order in which it became final, each with its turn; what is left of its gifts.

    `back` is what they had back when less was used of a period that was billed.
    """

    invoices: list[tuple[datetime, Owed]]
    left: Decimal
    back: Decimal


class _Act(NamedTuple):
    """What is done in a turn, in this order: a look at what was billed; then what is due, the longest first."""

    turn: datetime
    order: int
    due: datetime
    reason: str
    which: Which | None


def issued(customer: Customer, prices: Prices, looks: Sequence[datetime], until: datetime) -> Issued:
    """Answer what a team is billed for periods that end by an instant; all was looked at again in some more turns."""
    year = _Year(Reckoner(customer, prices))
    acts = sorted(_acts(customer, looks, until), key=lambda each: each[:3])
    invoices = [(act.turn, owed) for act in acts if (owed := year.done(act)) is not None]
    return Issued(invoices, year.gifts.balance(first_turn(until)), year.back)


def _acts(customer: Customer, looks: Sequence[datetime], until: datetime) -> Iterator[_Act]:
    """A period is looked back from when it is drafted and when it is final; fees ahead come after a month's end."""
    yield from (_Act(turn, 0, turn, "look", None) for turn in looks)
    for which in periods(customer, until):
        end = which[0].end
        yield _Act(first_turn(end + BILLED_AFTER), 0, end, "look", None)
        yield _Act(first_turn(end + GRACE), 0, end, "look", None)
        yield _Act(first_turn(end + GRACE), 1, end, "period", which)
    for which in begun(customer, until):
        start = which[0].start
        yield _Act(ahead_at(customer, start), 1, start + timedelta.resolution, "advance", which)


class _Year:
    """A team's year as far as it has come: `changed` is what the next invoice has to make up for."""

    def __init__(self, reckoner: Reckoner) -> None:
        self.gifts = Gifts(reckoner.customer.credits, reckoner.book.places)
        self._reckoner = reckoner
        self._ahead: dict[datetime, Standing] = {}
        self._billed: dict[Which, Standing] = {}
        self._changed = NOTHING
        self.back = Decimal(0)

    def done(self, act: _Act) -> Owed | None:
        """Answer the invoice that becomes final, if any does."""
        if act.which is None:
            self._look(act.turn)
            return None
        return self._whole(act.which, act.turn) if act.reason == "period" else self._in_advance(act.which, act.turn)

    def _look(self, at: datetime) -> None:
        """Where less is asked for, gifts have back what no line needs; nothing more comes off them."""
        for which, was in self._billed.items():
            if not self._differs(which[0], was.known, at):
                continue
            fitted = self.gifts.again(self._bill(which, at).rows, was.offs)
            now = Standing(self._asked(fitted.rows), fitted.offs, at)
            back = less(was.offs, now.offs)
            self.gifts.book(less((), back))
            self.back += sum(each.amount for each in back)
            self._changed = self._changed.more(now.asked.less(was.asked))
            self._billed[which] = now

    def _whole(self, which: Which, at: datetime) -> Owed:
        """All of a period, less what was billed of it ahead, and more for what changed of others."""
        bill, ahead = self._bill(which, at), self._ahead.get(which[0].start, Standing(NOTHING, (), at))
        before = self.gifts.again(bill.rows, ahead.offs)
        others = self._changed.less(ahead.asked)
        room = max(Decimal(0), self._asked(before.rows).net + others.net)
        new = self.gifts.anew(before.rows, room, at)
        asked, offs = self._asked(new.rows), (*before.offs, *new.offs)
        self._billed[which], self._changed = Standing(asked, offs, at), NOTHING
        return self._owed(which[0], "period", bill, less(offs, ahead.offs), asked.more(others))

    def _in_advance(self, which: Which, at: datetime) -> Owed | None:
        period, month = which
        bill = self._reckoner.in_advance(period, month)
        if bill is None:
            return None
        new = self.gifts.anew(bill.rows, max(Decimal(0), self._asked(bill.rows).net), at)
        asked = self._asked(new.rows)
        self._ahead[period.start] = Standing(asked, new.offs, at)
        return self._owed(period, "advance", bill, new.offs, asked)

    def _owed(self, period: Month, reason: str, bill: Bill, offs: tuple[Off, ...], asked: Asked) -> Owed:
        self.gifts.book(offs)
        given = tuple(sorted((each.gift.name, each.amount) for each in added(offs)))
        currency = self._reckoner.book.currency
        return Owed(period.start, period.end, reason, currency, bill.lines, given, asked.tax, asked.total)

    def _bill(self, which: Which, at: datetime) -> Bill:
        return self._reckoner.known(at).period(*which)

    def _differs(self, period: Month, since: datetime, until: datetime) -> bool:
        """Whether usage of a period came since, or went."""
        own = (each for each in self._reckoner.customer.events if period.start <= each.time < period.end)
        return any(each.known(since) != each.known(until) for each in own)

    def _asked(self, rows: Sequence[Row]) -> Asked:
        """Lines with their taxes, rounded once."""
        book, left = self._reckoner.book, sum_of(rows)
        net = self._reckoner.rounded(left)
        assert net == left, "what comes off is whole coins"
        tax = self._reckoner.rounded(left * Fraction(book.tax, 100 + book.tax if book.inclusive else 100))
        return Asked(net, tax, net if book.inclusive else net + tax)

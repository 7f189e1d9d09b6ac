"""The same two hundred teams, billed: each microsecond once, previews as later billed, and what was billed stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import msgspec
from hypothesis import settings
from hypothesis.stateful import invariant

from meter.agreement import Agreement, agreed
from meter.model import Team as Billed
from meter.prices.schedule import InForce, Schedule
from meter.rating.book import parse_book
from meter.rating.invoice import Rated
from meter.rating.periods import Period
from meter.rating.segments import rate_period
from meter.rating.usage import Usage
from meter.subscriptions.changes import Outcome, with_outcome
from meter.subscriptions.refusals import Refused
from meter.subscriptions.timeline import begun, period_at, served
from meter.subscriptions.wish import Facts
from tests.subscriptions import test_machine
from tests.subscriptions.cast import TICK

MADE = datetime(2025, 12, 1, tzinfo=UTC)
PLAN = """
[plans.{name}]
title = "{name}"
base_fee = "{fee}"
prorate = "time"
{more}
prices.time = {{ title = "Time", meter = "time", unit = "microsecond", unit_amount = "0.000001" }}
"""
SEATS = """
prices.seats = { title = "Seats", model = "flat", unit = "seat", unit_amount = "7", times = "seats", prorate = "time" }
"""
ADDON = '[addons.{name}]\ntitle = "{name}"\nbase_fee = "3"\nprorate = "time"\n'
TEXT = "\n".join(
    (
        'name = "book"\ntitle = "Book"\ncurrency = "USD"',
        *(ADDON.format(name=name) for name in ("x", "y")),
        PLAN.format(name="a", fee="31", more=SEATS),
        PLAN.format(name="b", fee="62", more=""),
        PLAN.format(name="c", fee="93", more=SEATS),
        PLAN.format(name="old", fee="12", more=SEATS),
        PLAN.format(name="trial", fee="0", more=f'trial = true\ntrial_days = 14\nthen = "a"\n{SEATS}'),
        '[coupons.spring]\npercent = 10\n[coupons.early]\namount = "5.00"\nduration = "forever"',
    )
)
BOOKS = Schedule({"book": [InForce(MADE, 1, parse_book(TEXT, "book.toml"))]})


def team(zone: str) -> Billed:
    """A team somewhere."""
    return Billed(1, UUID(int=1), "Team", zone, "USD", None, MADE)


def rated(agreement: Agreement) -> Rated:
    """What a period costs where every microsecond is used."""
    usage = [(Usage("time", Decimal((part.span.end - part.span.start) // TICK)),) for part in agreement.parts]
    return msgspec.structs.replace(
        rate_period(agreement.segments(usage), agreement.month, "USD"), period=agreement.period
    )


class BilledTeam(test_machine.Team):
    """A team through a year whose invoices are computed, not only their periods."""

    def __init__(self) -> None:
        """Nothing is billed yet."""
        super().__init__()
        self.invoices: dict[Period, Rated] = {}
        self.shown: dict[Period, Rated] = {}

    def wish(self, decide: Callable[[Facts], Outcome]) -> None:
        """Takes a decision as the machine does; the running period is previewed by it before."""
        before = self.facts
        try:
            outcome = decide(before)
        except Refused:
            return
        log = with_outcome(before.changes, outcome, before.now, "us")
        running = period_at(log, before.zone, before.now)
        super().wish(lambda _: outcome)
        self.shown = {} if running is None else {running: self.invoice(running)}

    def invoice(self, period: Period) -> Rated:
        """What a period costs by what is decided."""
        return rated(agreed(team(self.facts.zone), self.facts.standing, BOOKS, period))

    @invariant()
    def what_is_billed_is_what_was_shown(self) -> None:
        """A preview since which nothing was decided is the invoice, once its period is over."""
        for period in getattr(self, "billed", ()):
            if period not in self.invoices:
                self.invoices[period] = self.invoice(period)
                assert self.shown.get(period, self.invoices[period]) == self.invoices[period]

    def teardown(self) -> None:
        """Every invoice is still what it was; all together bill every microsecond of service once, and no other."""
        super().teardown()
        self.what_is_billed_is_what_was_shown()
        if not self.invoices:
            return
        for period, invoice in self.invoices.items():
            assert self.invoice(period) == invoice
        facts = self.facts
        used = sum(line.quantity for each in self.invoices.values() for line in each.lines if line.price == "time")
        first = begun(facts.changes)
        assert first is not None
        spans = [span for period in self.invoices for span in served(facts.changes, period)]
        before = sum(((min(first, p.end) - p.start) // TICK for p in self.invoices if p.start < first), 0)
        assert used == sum((span.end - span.start) // TICK for span in spans) + before


TestBilledTeam = BilledTeam.TestCase
TestBilledTeam.settings = settings(test_machine.TestTeam.settings, max_examples=200)

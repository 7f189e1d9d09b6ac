"""What a team is billed, as the API shows it at a glance: the running period, months, and how it stands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from api.invoice_view import ExpectedView, InvoiceSummary, expected_of, expected_view, summary
from api.line_view import PeriodView, digits, period_view
from api.owed_view import BalanceView, NotOwed, OwedView
from meter.billing_history import Month, Sums
from meter.billing_summary import Balance, Next, Summary
from meter.errors import Problem
from meter.expected import BANDS
from meter.rating.money import round_money
from meter.spend import Spend
from meter.usage_summary import Owed


class SpendView(msgspec.Struct, frozen=True, kw_only=True):
    """What the invoice comes to by the forecasts of its meters, rated with all that is agreed: tiers, fees, taxes.

    `low` and `high` are what it comes to where all meters together are at that edge of their band; null: not known.
    `made_at` is the oldest forecast's. Of meters in `without` nothing more is expected than was used.
    """

    currency: str
    mean: str
    low80: str | None
    high80: str | None
    low95: str | None
    high95: str | None
    made_at: datetime
    without: tuple[str, ...]


class CurrentView(msgspec.Struct, frozen=True, kw_only=True):
    """The running period: what it costs by now and where that will end; null where `no_cost` says why.

    `forecast` is by how usage has gone for weeks, null before there is any, or where `no_forecast` says why; the
    projection in `cost` goes on as the period has begun. `days_left` counts days of the team's zone, today too.
    `account` is the team's, null before the first credits. `expected` is what credits would pay of `cost` if it were
    billed now.
    """

    period: PeriodView
    days_left: int
    as_of: datetime | None
    cost: OwedView | None
    no_cost: NotOwed | None
    forecast: SpendView | None
    no_forecast: NotOwed | None
    account: BalanceView | None
    expected: ExpectedView | None


class CountsView(msgspec.Struct, frozen=True):
    """How many invoices are in each status."""

    draft: int
    open: int
    paid: int
    void: int
    uncollectible: int


class SumsView(msgspec.Struct, frozen=True):
    """What final invoices in a currency come to, those that are void apart: `net` and `tax` are `total`.

    So are `paid`, by credits or otherwise, `credited` by credit notes, `outstanding`, and `uncollectible` (given up).
    """

    currency: str
    net: str
    tax: str
    total: str
    paid: str
    credited: str
    outstanding: str
    uncollectible: str


class MonthView(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The invoices of the periods that began in a month, [from, to) in the team's zone.

    `sums` has each currency that was billed in any of the months asked for.
    """

    month: str
    from_: datetime
    to: datetime
    invoices: CountsView
    sums: list[SumsView]


class History(msgspec.Struct, frozen=True):
    """Months, the running one first; all that were asked for, so `next` is always null."""

    zone: str
    items: list[MonthView]
    next: None = None


class StandingView(msgspec.Struct, frozen=True):
    """How the team stands in a currency. What is `overdue` is among what is `outstanding`; `paid` is of this year."""

    currency: str
    open_invoices: int
    outstanding: str
    overdue_invoices: int
    overdue: str
    paid: str


class NextView(msgspec.Struct, frozen=True, kw_only=True):
    """The invoice that comes next: made at `made_at`, and final at `final_at`; its `draft` where it waits for that.

    `total` is what it comes to by now, `projected` at the period's end if usage goes on as it has begun; `expected` is
    what credits would pay of it now. Null where nobody can say it.
    """

    period: PeriodView
    made_at: datetime
    final_at: datetime
    draft: InvoiceSummary | None
    currency: str | None
    total: str | None
    projected: str | None
    expected: ExpectedView | None
    no_cost: NotOwed | None


class SummaryView(msgspec.Struct, frozen=True, kw_only=True):
    """How a team stands by currency, in `year`; nothing before its first final invoice.

    `last_invoice` is the last that was made and is not void; `next_invoice` null of a team without a plan.
    """

    year: int
    balances: list[StandingView]
    last_invoice: InvoiceSummary | None
    next_invoice: NextView | None


def spend_view(spend: Spend) -> SpendView:
    """A spend as it is shown, rounded as an invoice is."""
    shown = {name: None if (edge := getattr(spend, name)) is None else digits(edge) for name in BANDS}
    return SpendView(
        currency=spend.currency, mean=digits(spend.mean), made_at=spend.made_at, without=spend.without, **shown
    )


def no_cost(owed: Owed | Spend | Problem | None) -> NotOwed | None:
    """Why nothing can be said of costs, null where something can."""
    return NotOwed(owed.code, owed.detail) if isinstance(owed, Problem) else None


def history_view(zone: str, months: Iterable[Month]) -> History:
    """Months with their sums."""
    return History(zone, [_month(each, zone) for each in months])


def summary_view(found: Summary) -> SummaryView:
    """How a team stands."""
    return SummaryView(
        year=found.year,
        balances=[_standing(each) for each in found.balances],
        last_invoice=None if found.last is None else summary(found.last),
        next_invoice=None if found.coming is None else _next(found.coming),
    )


def _month(month: Month, zone: str) -> MonthView:
    named = f"{month.start.astimezone(ZoneInfo(zone)):%Y-%m}"
    counts = CountsView(**{str(status): count for status, count in month.invoices.items()})
    return MonthView(named, month.start, month.end, counts, [_sums(each) for each in month.sums])


def _sums(sums: Sums) -> SumsView:
    currency, *amounts = sums
    return SumsView(currency, *map(digits, amounts))


def _standing(each: Balance) -> StandingView:
    return StandingView(
        currency=each.currency,
        open_invoices=each.open_invoices,
        outstanding=digits(round_money(each.outstanding, each.currency)),  # a bare 0 of the database gets its cents
        overdue_invoices=each.overdue_invoices,
        overdue=digits(round_money(each.overdue, each.currency)),
        paid=digits(round_money(each.paid, each.currency)),
    )


def _next(coming: Next) -> NextView:
    draft, owed = coming.draft, coming.owed if isinstance(coming.owed, Owed) else None
    document = None if owed is None else owed.draft.document
    at_end = None if owed is None else owed.total_at_end
    made = draft or document
    foreseen = None if coming.foreseen is None else expected_view(coming.foreseen)
    return NextView(
        period=period_view(coming.period),
        made_at=coming.made_at,
        final_at=coming.final_at,
        draft=None if draft is None else summary(draft),
        currency=None if made is None else made.currency,
        total=None if made is None else digits(made.total),
        projected=None if at_end is None else digits(at_end),
        expected=foreseen if draft is None else expected_of(draft),
        no_cost=no_cost(coming.owed),
    )

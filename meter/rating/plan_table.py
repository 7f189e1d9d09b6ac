"""One plan, as a book writes it: which fields there are, and what is refused."""

from __future__ import annotations

from typing import Final, NamedTuple

from meter.rating.book_catalogue import Catalogue, with_rates
from meter.rating.document.terms import Terms
from meter.rating.document.terms_table import read_commitment, read_spend
from meter.rating.marginal import SAID, why_not
from meter.rating.models import LEVELS
from meter.rating.money import plain
from meter.rating.plan import BASE_FEE, CHARGE, INVOICE, Plan
from meter.rating.price import ARREARS, BILLED, Price
from meter.rating.price_table import read_price
from meter.rating.proration import NEVER, RULES
from meter.rating.table import Table

MONTH: Final = "month"
INTERVALS: Final = (MONTH,)
BILL: Final = "bill"
OVER_QUOTA: Final = (BILL, "block")


class OfBook(NamedTuple):
    """What a plan has of its book."""

    book: str
    version: str
    currency: str
    unbilled: tuple[str, ...]
    catalogue: Catalogue | None


def read_plan(name: str, table: Table, book: OfBook) -> Plan:
    """Read the plan called ``name``. Raises BookError at the first mistake."""
    days = _trial_days(table)
    plan = Plan(
        name=name,
        title=table.text("title"),
        book=book.book,
        book_version=book.version,
        currency=book.currency,
        base_fee=table.money("base_fee", "0"),
        interval=table.choice("interval", INTERVALS, MONTH),
        over_quota=table.choice("over_quota", OVER_QUOTA, BILL),
        trial=table.flag("trial"),
        prices=tuple(_price(name, prices, book) for name, prices in table.tables("prices")),
        unbilled=(*book.unbilled, *table.names("unbilled")),
        prorate=table.choice("prorate", RULES, NEVER),
        billed=table.choice("billed", BILLED, ARREARS),
        retired=table.flag("retired"),
        trial_days=days,
        then=table.text("then") if table.has("then") else None,
        terms=_terms(table, book.currency),
        charge=table.choice("charge", CHARGE, INVOICE),
    )
    table.finish()
    _refuse_half_trials(plan, table)
    refuse_overlaps(plan, table)
    if plan.charge != INVOICE:
        _refuse_what_only_an_invoice_knows(plan, table)
    return plan


def refuse_overlaps(plan: Plan, table: Table) -> None:
    """Each meter is paid for at most once per measure, and never both priced and unbilled. Raises BookError."""
    seen: dict[tuple[str, str], str] = {}
    for price in plan.prices:
        for meter, _ in price.counts:
            if meter in plan.unbilled:
                table.refuse("prices", f"{price.id} prices {meter}, which is unbilled", "keep one of the two")
            if (other := seen.setdefault((meter, price.measure), price.id)) != price.id:
                table.refuse("prices", f"{other} and {price.id} both price {meter}", "keep one of the two")


def _price(name: str, table: Table, book: OfBook) -> Price:
    if name == BASE_FEE:
        table.refuse("", "base_fee is a field of the plan", 'write base_fee = "29.99" in the plan\'s table')
    price = read_price(name, with_rates(table, book.catalogue), book.currency)
    if price.model in LEVELS and price.prorate != NEVER:
        # A bill adds up what was stored: it would pay for all of the period whatever the day.
        instead = "leave it out; of a meter counted by time, e.g. in core-hours, each change is paid for its time"
        table.refuse("prorate", "a bill does not know when a level changed", instead)
    return price


def _trial_days(table: Table) -> int | None:
    if not table.has("trial_days"):
        return None
    days = table.number("trial_days", positive=True, such="14")
    if plain(days) % 1:
        table.refuse("trial_days", f"{days} is not a whole number", "write trial_days = 14")
    return int(days)


def _refuse_half_trials(plan: Plan, table: Table) -> None:
    """How long a trial lasts and what follows are told together; which plans follow which the book looks at."""
    if plan.trial_days is not None and plan.then is None:
        table.refuse("then", "is missing, and trial_days needs it", "write the plan that follows the trial")
    if plan.then is not None and plan.trial_days is None:
        table.refuse("trial_days", "is missing, and then needs it", "write how long the trial lasts: trial_days = 14")
    if plan.trial_days is not None and not plan.trial:
        table.refuse("trial_days", "is for a trial", "write trial = true, or leave out trial_days and then")


def _refuse_what_only_an_invoice_knows(plan: Plan, table: Table) -> None:
    """What is paid as it happens has a price at that moment. Raises BookError."""
    invoice = f'charge = "{INVOICE}"'
    for price in plan.prices:
        if price.counts and (reason := why_not(price)) is not None:
            said = f"{price.id} can't be charged as it is used: {SAID[reason]}"
            table.refuse("prices", said, f"write {invoice}, or another price")
    for field, agreed in (("commitment", plan.terms.commitment), ("spend", plan.terms.spend)):
        if agreed is not None:
            said = "is about the sum of an invoice, and usage is charged before there is one"
            table.refuse(field, said, f"leave it out, or write {invoice}")


def _terms(table: Table, currency: str) -> Terms:
    """What is agreed about the sum of the plan's invoices."""
    return Terms(
        commitment=read_commitment(table.inner("commitment"), currency) if table.has("commitment") else None,
        spend=read_spend(table.inner("spend"), currency) if table.has("spend") else None,
    )

"""Lines and terms for the tests of documents, written as short as they can be."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from meter.rating.document import Document, Earlier, Item, Terms, read_terms, settle
from meter.rating.line import Line, shares
from meter.rating.periods import Period
from meter.rating.proration import Ratio
from meter.rating.split import WHOLE, Split
from meter.rating.table import Table
from tests.rating.cast import MARCH

LAST, FIRST = Split(first=False), Split(last=False)


def line(  # noqa: PLR0913 - what a test does not care about it leaves out
    amount: str | Decimal,
    price: str = "calls",
    *,
    kind: str = "usage",
    meter: str = "requests",
    category: str = "",
    members: dict[str | None, Decimal] | None = None,
    currency: str = "USD",
    exact: str | None = None,
) -> Line:
    """A rated line of so much money; who used it are ``members``, by weight."""
    money = Decimal(amount)
    return Line(
        kind=kind,
        price=price,
        description=price.title(),
        meter=meter,
        measure="total",
        quantity=money,
        unit="request",
        included=Decimal(0),
        billed_quantity=money,
        unit_amount=Decimal(1),
        per=Decimal(1),
        exact=Decimal(exact or amount),
        amount=money,
        derivation=(),
        members=shares(members or {}, money, currency),
        category=category,
        gross=money,
    )


def fee(amount: str) -> Line:
    """A base fee."""
    return line(amount, "base_fee", kind="base_fee", meter="")


def terms_of(currency: str = "USD", **fields: Any) -> Terms:
    """Terms as a request writes them: the fields go through JSON and the reader."""
    return read_terms(Table("request", "document", json.loads(json.dumps(fields))), currency)


def settled(
    *lines: Line | Item,
    currency: str = "USD",
    period: Period = MARCH,
    split: Split = WHOLE,
    earlier: Earlier | None = None,
    **fields: Any,
) -> Document:
    """Settle lines by terms written as fields."""
    items = [each if isinstance(each, Item) else Item(each, "pro") for each in lines]
    return settle(items, terms_of(currency, **fields), currency, period, split, earlier)


def served(part: int, whole: int) -> Split:
    """The whole of a period of which so many days were served."""
    return Split(share=Ratio(Decimal(part), Decimal(whole)))


def amounts(document: Document) -> dict[tuple[str, str], str]:
    """Amounts of lines by (price, kind) as text, before anything was taken off."""
    return {(each.line.price, each.line.kind): str(each.line.amount) for each in document.lines}


def case(name: str) -> dict[str, Any]:
    """One of the worked cases of other systems, copied from where they are kept."""
    cases = json.loads(Path(__file__).with_name("cases.json").read_text("utf-8"))
    found: dict[str, Any] = cases[name]
    return found

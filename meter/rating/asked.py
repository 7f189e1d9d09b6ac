"""Prices that are in no book: those of a question what something would cost, read as a plan that nobody is on."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from meter.rating.models import per_unit
from meter.rating.plan import Plan
from meter.rating.plan_table import refuse_overlaps
from meter.rating.price import Price, model_named, model_names
from meter.rating.price_table import read_price
from meter.rating.table import Table

FIELD: Final = "prices"
ONE: Final = "unit"
_METER: Final = ', and the meter in the price: meter = "tokens.input"'


def asked_plan(prices: Mapping[str, Any], currency: str) -> Plan:
    """Read prices by their ids, each with the fields that a book would write, into a plan without name or base fee.

    What only people need may be left out: the title is the id then, so is the meter, and the unit is "unit".
    Raises BookError at the first mistake, with the table's path from ``prices`` on.
    """
    top = Table("", "", {FIELD: prices})
    read = tuple(_price(name, table, currency) for name, table in top.tables(FIELD, _METER))
    if not read:
        top.refuse(FIELD, "there is none", 'write prices = { calls = { unit_amount = "0.01" } }')
    plan = Plan(
        name="",
        title="",
        book="",
        book_version="",
        currency=currency,
        base_fee=Decimal(0),
        interval="month",
        over_quota="bill",
        trial=False,
        prices=read,
        unbilled=(),
    )
    refuse_overlaps(plan, top)
    return plan


def _price(name: str, table: Table, currency: str) -> Price:
    fields = {"title": name} | table.fields
    model = fields.get("model", per_unit.NAME)
    if model not in model_names() or model_named(model).METERED:
        fields = {"meter": name, "unit": ONE} | fields
    price = read_price(name, Table(table.file, table.path, fields), currency)
    if price.times:
        table.refuse(
            "times", "a question has no subscription to count", "leave it out, and write what all of them cost"
        )
    return price

"""Plans in plain values written down as a price book: one table after the other, no figure of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.billing.year.pricebook import Book, Coupon, Plan, Price


def written(book: Book) -> str:
    """Answer the text of a book."""
    lines = [f'name = "{book.name}"', f'title = "{book.name.title()}"', f'currency = "{book.currency}"']
    lines += ["[[taxes.rates]]", 'name = "VAT"', f"percent = {book.tax}", f"inclusive = {str(book.inclusive).lower()}"]
    for name, coupon in book.coupons.items():
        lines += [f"[coupons.{name}]", *_coupon(coupon)]
    for name, plan in book.plans.items():
        lines += _plan(name, plan)
    return "\n".join(lines) + "\n"


def _coupon(coupon: Coupon) -> Iterator[str]:
    yield f"percent = {coupon.percent}" if coupon.amount is None else f'amount = "{coupon.amount}"'
    yield f'duration = "{ {None: "forever", 1: "once"}.get(coupon.periods, "recurring") }"'
    if coupon.periods not in (None, 1):
        yield f"periods = {coupon.periods}"


def _plan(name: str, plan: Plan) -> Iterator[str]:
    yield f"[plans.{name}]"
    yield f'title = "{name.title()}"'
    yield f'base_fee = "{plan.base_fee}"'
    yield f'prorate = "{plan.prorate}"'
    yield f'billed = "{plan.billed}"'
    if plan.commitment is not None:
        amount, factor = plan.commitment
        yield f'commitment = {{ amount = "{amount}", overage_factor = "{factor}", prorate = "time" }}'
    bounds = {"minimum": plan.least, "maximum": plan.most}
    if any(bounds.values()):
        yield f"spend = {{ {_fields(bounds)} }}"
    for price_id, price in plan.prices.items():
        yield f"[plans.{name}.prices.{price_id}]"
        yield from _price(price_id, price)
    if plan.seats is not None:
        yield f"[plans.{name}.prices.seats]"
        yield 'title = "Seats"\nmodel = "flat"\nunit = "seat"\ntimes = "seats"\nprorate = "time"'
        yield f'unit_amount = "{plan.seats.unit_amount}"\nincluded = {plan.seats.included}'


def _price(price_id: str, price: Price) -> Iterator[str]:
    yield f'title = "{price_id.title()}"\nmeter = "{price.meter}"\nunit = "unit"\nmodel = "{price.model}"'
    for name in ("unit_amount", "per", "included", "percent", "per_event", "discount", "minimum", "maximum"):
        value = getattr(price, name)
        if value is not None:
            yield f"{name} = {_value(value)}"
    if price.tiers:
        yield f"tiers = [{', '.join('{ ' + _fields(tier._asdict()) + ' }' for tier in price.tiers)}]"
    if price.hours is not None:
        (since, until), [(title, amount)] = price.hours, price.rates
        yield f'otherwise = {{ unit_amount = "{price.otherwise}" }}'
        hours = f'from = "{since:02}:00", to = "{until:02}:00"'
        yield f'rates = [{{ {hours}, title = "{title}", unit_amount = "{amount}" }}]'
    elif price.rates:
        rates = (f'{{ when = {{ model = "{label}" }}, unit_amount = "{amount}" }}' for label, amount in price.rates)
        yield f"rates = [{', '.join(rates)}]"


def _fields(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {_value(value)}" for name, value in values.items() if value is not None)


def _value(value: object) -> str:
    return f'"{value}"' if isinstance(value, Decimal) else str(value)

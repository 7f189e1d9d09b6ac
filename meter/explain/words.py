"""How a line came about, in words: a sentence for each step of its derivation, with the figures that went in. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from meter.rating.charge import Step
from meter.rating.money import displayed
from meter.reconcile import COUNTABLE

MOST_PLACES: Final = 12
PLACES: Final = Decimal(1).scaleb(-MOST_PLACES)
HUNDRED: Final = Decimal(100)
ONE: Final = Decimal(1)
Facts = Mapping[str, str]


class Said(NamedTuple):
    """A step, and what it says."""

    step: Step
    says: str


class _Going(NamedTuple):
    """Where a derivation stands: what its quantities are divided by, in which unit they are, and the money's."""

    divisor: Decimal
    unit: str
    sold: str
    currency: str


def said(steps: Iterable[Step], unit: str, currency: str) -> tuple[Said, ...]:
    """The steps of a line or of an invoice's sums, each with its sentence; money is in `currency` at the end."""
    steps = tuple(steps)
    exchanged = next((step.facts["source"] for step in steps if step.name == "exchange"), currency)
    sold = any(step.name == "convert" for step in steps)
    going = _Going(ONE, "as measured" if sold else unit, unit, exchanged)
    found: list[Said] = []
    for step in steps:
        if step.name in {"quantity", "convert"}:
            going = going._replace(divisor=Decimal(step.facts["divisor"]))
        if step.name == "exchange":
            going = going._replace(currency=step.facts["target"])
        if step.name == "convert":
            going = going._replace(unit=unit)
        found.append(Said(step, _WORDS.get(step.name, _plainly)(step.facts, going)))
    return tuple(found)


def shown(text: str | Decimal) -> str:
    """A number as people read it: thousands apart, at most 12 decimals (then with ≈ before it)."""
    value = Decimal(text)
    cut = value if value == value.to_integral_value() or _fits(value) else value.quantize(PLACES)
    whole = f"{cut:,f}"
    whole = whole.rstrip("0").rstrip(".") if "." in whole else whole
    return whole if cut == value else f"≈ {whole}"


def _fits(value: Decimal) -> bool:
    exponent = value.normalize().as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -MOST_PLACES


def _quantity(facts: Facts, going: _Going) -> str:
    used = _counted(facts["quantity"], going)
    of = f" ({facts['cell']})" if "cell" in facts else ""
    if "groups" not in facts:
        return f"{used}{of} owed."
    groups = int(facts["groups"])
    rows = f"from {groups} {'group' if groups == 1 else 'groups'} of member, service and labels"
    return f"{used}{of} used, {rows}."


def _counted(quantity: str, going: _Going) -> str:
    """A quantity in its unit; with the division where what is stored is in another."""
    value = Decimal(quantity)
    stored = "" if going.divisor == 1 else f"{shown(value)} / {shown(going.divisor)} = "
    return f"{stored}{_of_unit(displayed(value, going.divisor), going.unit)}"


def _in_unit(quantity: str, going: _Going) -> str:
    return shown(displayed(Decimal(quantity), going.divisor))


def _of_unit(quantity: Decimal, unit: str) -> str:
    word = unit.replace("_", " ")
    return f"{shown(quantity)} {word}{'s' if quantity != 1 and COUNTABLE.fullmatch(word) else ''}"


def _convert(facts: Facts, going: _Going) -> str:
    how = "multiplied" if facts["operation"] == "multiply" else "divided"
    rounding = {"ceiling": ", rounded up", "floor": ", rounded down", "half_up": ", rounded half up"}
    whole = rounding.get(facts["rounding"], "")
    result = _of_unit(displayed(Decimal(facts["quantity"]), going.divisor), going.sold)
    return f"Sold in another unit: {how} by {shown(facts['factor'])}{whole} = {result}."


def _free_units(facts: Facts, going: _Going) -> str:
    used = _of_unit(displayed(Decimal(facts["quantity"]), going.divisor), going.unit)
    free, billed = (_in_unit(facts[name], going) for name in ("free", "billed"))
    if facts["allowance"] == "unlimited":
        return f"{used} - all of it, which is included = 0 billed."
    return f"{used} - {free} of {shown(facts['allowance'])} included = {billed} billed."


_OF: Final = {
    "flat": "flat fee",
    "fee": "fee",
    "packages": "packages begun",
    "blocks": "blocks begun",
    "percent": "of the amount",
    "per_event": "fee per event",
    "minimum_per_event": "least per event",
    "maximum_per_event": "most per event",
    "seats": "seats",
    "free": "free of charge",
    "amount": "amount",
}


def _price(facts: Facts, going: _Going) -> str:
    divisor = Decimal(facts.get("divisor", "1"))
    quantity = shown(displayed(Decimal(facts["quantity"]), divisor))
    return f"{_which(facts)}{_product(quantity, facts, going)} = {_money(facts['amount'], going)}."


def _which(facts: Facts) -> str:
    tier = f"tier {facts['tier']}, " if "tier" in facts else ""
    name = _OF.get(facts["of"], "units" if facts["of"] == "units" else facts["of"].replace("_", " "))
    return f"{tier}{name}: ".capitalize()


def _product(quantity: str, facts: Facts, going: _Going) -> str:
    per = Decimal(facts["per"])
    if facts["of"] == "percent" and per == HUNDRED:
        return f"{shown(facts['unit_amount'])} % of {quantity}"
    return f"{quantity} x {_money(facts['unit_amount'], going)}{'' if per == 1 else f' per {shown(per)}'}"


def _portion(facts: Facts, going: _Going) -> str:
    came = f"{_which(facts)}{_product(shown(facts['quantity']), facts, going)} = {_money(facts['amount'], going)}"
    off = Decimal(facts.get("off", "0"))
    return (
        f"In this part of the period, {came[0].lower()}{came[1:]}{f', {_money(off, going)} of it off' if off else ''}."
    )


def _discount(facts: Facts, going: _Going) -> str:
    before, off, left = (_money(facts[name], going) for name in ("amount", "off", "left"))
    return f"{shown(facts['percent'])} % discount: {before} - {off} = {left}."


def _maximum(facts: Facts, going: _Going) -> str:
    if "room" in facts:
        before, off, left = (_money(facts[name], going) for name in ("amount", "off", "left"))
        return f"Never more than {left} here: {before} - {off} = {left}."
    owed, most, off = (_money(facts[name], going) for name in ("owed", "maximum", "off"))
    return f"All of it is never more than {most}: of {owed}, {off} is off."


def _minimum(facts: Facts, going: _Going) -> str:
    if "services_moved" in facts:
        moved, left = facts["services_moved"], _money(facts["amount"], going)
        return f"{moved} services are billed at their minimum on a line of their own; {left} is left here."
    if "services" in facts:
        least, amount = _money(facts["minimum"], going), _money(facts["amount"], going)
        return f"{facts['services']} services at the minimum of {least} each = {amount}."
    least, owed = _money(facts["minimum"], going), _money(facts["owed"], going)
    return f"At least {least} is owed, and {owed} was: the missing {_money(_first(facts, 'amount', 'exact'), going)}."


def _round(facts: Facts, going: _Going) -> str:
    what = "tax, " if facts.get("of") == "tax" else ""
    return f"Rounded once, {what}half up: {shown(facts['exact'])} = {_money(facts['amount'], going)}."


def _split(facts: Facts, going: _Going) -> str:
    so_far, before, amount = (_money(facts[name], going) for name in ("so_far", "billed_before", "amount"))
    return f"Since the period began {so_far}, of which earlier parts billed {before}: {amount} in this part."


def _exchange(facts: Facts, _: _Going) -> str:
    rate = f"1 {facts['source']} = {shown(facts['rate'])} {facts['target']}"
    return f"Exchanged at {rate}, the rate valid from {facts['valid_from']}."


def _coupon(facts: Facts, going: _Going) -> str:
    name = facts.get("coupon") or _promotional(facts)
    if "reason" in facts:
        return f"{name} takes nothing off: {facts['reason'].replace('_', ' ')}."
    of = f"{shown(facts['percent'])} % of" if "percent" in facts else "at most all of"
    lines = f"{facts['lines']} {'line' if facts['lines'] == '1' else 'lines'}"
    return f"{name}: {of} {_money(facts['base'], going)} on {lines}: {_money(facts['off'], going)} off."


def _promotional(facts: Facts) -> str:
    """A grant by its title; of one that has none, by its name."""
    return f"Promotional credit {facts.get('title') or facts.get('grant', '')}"


def _tax(facts: Facts, going: _Going) -> str:
    kind = "within the price" if "within" in facts else "on top"
    base, amount = _money(facts["base"], going), _money(facts["amount"], going)
    return f"{facts['tax']}, {shown(facts['percent'])} % of {base} {kind}: {shown(facts['exact'])}, which is {amount}."


def _untaxed(facts: Facts, going: _Going) -> str:
    return f"No tax on {_money(facts['base'], going)} ({facts['lines']} lines): {facts['reason'].replace('_', ' ')}."


def _commitment(facts: Facts, going: _Going) -> str:
    committed, exactly = _money(facts["committed"], going), _money(facts["exact"], going)
    if "excess" in facts:
        excess = _money(facts["excess"], going)
        return f"{excess} above the commitment of {committed}, at {shown(facts['factor'])} times: {exactly} more."
    return f"{_money(facts['counted'], going)} counts towards the commitment of {committed}; {exactly} is missing."


def _advance(facts: Facts, going: _Going) -> str:
    amount = _money(facts["amount"], going)
    if "total" in facts:
        return (
            f"{facts['invoice']} billed fees before the period: {amount}, so {_money(facts['total'], going)} is left."
        )
    return f"{facts['invoice']} billed {amount} of it before the period; it is taken off again."


def _adjustment(facts: Facts, going: _Going) -> str:
    amount = _money(facts["amount"], going)
    if "total" in facts:
        left = _money(facts["total"], going)
        return f"Usage changed after {facts['invoice']} was made: {amount} with its taxes, so {left} is left."
    before, after = shown(facts["before"]), shown(facts["after"])
    return f"{before} {going.unit} on {facts['invoice']} are {after} by now: {amount} after coupons, before tax."


def _progressive(facts: Facts, going: _Going) -> str:
    amount = _money(facts["amount"], going)
    if "total" in facts:
        left = _money(facts["total"], going)
        return f"{facts['invoice']} billed usage before the period was over: {amount}, so {left} is left."
    return f"With {facts['invoice']}, {amount} of it was billed; it is taken off again."


def _total(facts: Facts, going: _Going) -> str:
    names = ("subtotal", "maximum", "coupons", "tax", "included", "total")
    lines, most, coupons, tax, included, to_pay = (shown(facts[name]) for name in names)
    off = f"{most} by a maximum - {coupons} by coupons and promotional credits"
    sums = f"{lines} - {off} + {tax} tax - {included} of it in the prices"
    return f"The lines are {sums} = {to_pay} {going.currency}."


def _plainly(facts: Facts, _: _Going) -> str:
    words = [f"{name.replace('_', ' ')} {fact}" for name, fact in facts.items()]
    return f"{', '.join(words)}."


def _first(facts: Facts, *names: str) -> str:
    return next(facts[name] for name in names if name in facts)


def _money(amount: str | Decimal, going: _Going) -> str:
    return f"{shown(amount)} {going.currency}"


_WORDS: Final[Mapping[str, Callable[[Facts, _Going], str]]] = {
    "quantity": _quantity,
    "convert": _convert,
    "free_units": _free_units,
    "price": _price,
    "portion": _portion,
    "discount": _discount,
    "maximum": _maximum,
    "minimum": _minimum,
    "round": _round,
    "split": _split,
    "exchange": _exchange,
    "coupon": _coupon,
    "grant": _coupon,
    "tax": _tax,
    "untaxed": _untaxed,
    "commitment": _commitment,
    "adjustment": _adjustment,
    "advance": _advance,
    "progressive": _progressive,
    "total": _total,
}

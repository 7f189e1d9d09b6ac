"""What any price of a meter may say besides its model's own fields, and what of the answer a case may expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from tests.cases.case import Case, Fields, NotUnderstoodError
from tests.cases.compare import Figure, Found
from tests.cases.question import (
    PRICE,
    THE,
    WORDS,
    Answer,
    Answers,
    Body,
    Instead,
    Question,
    asking,
    exactly,
    lines_of,
    money,
    summed,
    total_of,
)

BEFORE = "before"
POSITIONS = ("single", "first", "mid", "last")
ROUNDINGS = {"ceiling": ROUND_CEILING, "floor": ROUND_FLOOR, "half_up": ROUND_HALF_UP}
ALONE = "a part of a period is rounded alone in the conversion of units there, so parts don't add up to the whole"
ABOVE = "usage above the last tier's bound is given away there; our last tier has no bound"
More = Callable[[Answer], Mapping[str, Found]]


@dataclass(frozen=True)
class Used:
    """What was used now and in earlier parts of the period."""

    now: Decimal
    before: Decimal

    def row(self) -> dict[str, str]:
        """As a row of usage."""
        return {"meter": PRICE, "quantity": money(self.now), "before": money(self.before)}

    def up_to(self, bound: Decimal) -> Used:
        """The same, less what lies above a bound."""
        before = min(self.before, bound)
        return Used(min(self.before + self.now, bound) - before, before)


def used(case: Case) -> Used:
    """The quantities that a case gives."""
    return Used(case.usage.number("quantity"), case.usage.number("pre_line_quantity", "0"))


def metered(
    case: Case, fields: Mapping[str, Any], *, bound: Decimal | None = None, more: More | None = None
) -> Question:
    """The question about a quantity; `fields` are the model's own, `bound` is where their last tier ends."""
    quantity = used(case)
    price = {**fields, **of_any_price(case.price)}
    split = split_of(case.usage)

    def question(price: Mapping[str, Any], quantity: Used, *instead: Instead) -> Question:
        bodies = {THE: asking({PRICE: price}, [quantity.row()], split=split)}
        if any(name in case.expected for name in ("pre_line_billed_quantity", "discount_used_before")):
            earlier = asking({PRICE: price}, [Used(quantity.before, Decimal(0)).row()], split={"position": "first"})
            bodies[BEFORE] = earlier
        return Question(bodies, lambda answers: found(case, answers, more), instead)

    others = []
    conversion = price.get("conversion")
    if conversion is not None and conversion["rounding"] != "none" and quantity.before:
        alone = Used(_converted(quantity.now, conversion), _converted(quantity.before, conversion))
        without = {name: value for name, value in price.items() if name != "conversion"}
        others.append(Instead(ALONE, question(without, alone)))
    if bound is not None and quantity.before + quantity.now > bound:
        others.append(Instead(ABOVE, question(price, quantity.up_to(bound))))
    return question(price, quantity, *others)


def of_rows(
    case: Case, fields: Mapping[str, Any], rows: list[dict[str, str | int]], more: More | None = None
) -> Question:
    """The question about single events or changes of level."""
    price = {**fields, **of_any_price(case.price)}
    body = asking({PRICE: price}, rows, split=split_of(case.usage))
    return Question({THE: body}, lambda answers: found(case, answers, more))


def of_any_price(price: Fields) -> Body:
    """Bounds, discounts and conversion of a price, as ours has them."""
    fields: Body = {}
    for theirs, ours in (
        ("minimum_amount", "minimum"),
        ("maximum_amount", "maximum"),
        ("percentage_discount", "discount"),
        ("usage_discount", "included"),
        ("free_units", "included"),
    ):
        if price.has(theirs):
            fields[ours] = money(price.number(theirs))
    conversion = price.object("conversion")
    if conversion is not None:
        fields["conversion"] = conversion_of(conversion)
        conversion.finish()
    return fields


def conversion_of(given: Fields) -> Body:
    """A conversion of units, as ours has it."""
    return {
        "operation": given.text("operation", "divide"),
        "factor": money(given.number("factor")),
        "rounding": given.text("rounding", "none"),
    }


def _converted(quantity: Decimal, conversion: Mapping[str, str]) -> Decimal:
    """A quantity converted and rounded by itself, as they do with each part of a period."""
    factor = Decimal(conversion["factor"])
    units = quantity / factor if conversion["operation"] == "divide" else quantity * factor
    return units.quantize(Decimal(1), rounding=ROUNDINGS[conversion["rounding"]])


def split_of(usage: Fields) -> Body:
    """Which part of the period it is, and what earlier ones billed."""
    position = usage.text("line_position", "single")
    if position not in POSITIONS:
        raise NotUnderstoodError(f"usage.line_position: {position!r} is none of {', '.join(POSITIONS)}")
    billed = usage.maybe("previously_billed_amount")
    return {"position": position} | ({} if billed is None else {"billed": {PRICE: billed}})


def found(case: Case, answers: Answers, more: More | None = None) -> Mapping[str, Found]:
    """Everything that a case about one price may expect."""
    answer = answers[THE]
    usage = lines_of(answer, "usage")
    known: dict[str, Found] = {
        "total": total_of(answer),
        "gross": Figure(summed(answer["lines"], "gross")),
        "discount_total": Figure(sum((Decimal(each["amount"]) for each in _discounts(answer)), Decimal(0))),
        "discounts": discounts_found(case, answer),
        "billed_quantity": exactly(summed(usage, "billed_quantity")),
        "discount_used_now": exactly(summed(usage, "included")),
        "effective_unit_amount": Figure(summed(usage, "effective_unit_amount")),
        "lines": list(lines_found(answer)),
    }
    if BEFORE in answers:
        earlier = lines_of(answers[BEFORE], "usage")
        known["pre_line_billed_quantity"] = exactly(summed(earlier, "billed_quantity"))
        known["discount_used_before"] = exactly(summed(earlier, "included"))
    return {**known, **(more(answer) if more else {})}


def _discounts(answer: Answer) -> Iterator[Answer]:
    return (each for line in answer["lines"] for each in line["discounts"] if Decimal(each["amount"]))


def discounts_found(case: Case, answer: Answer) -> list[Mapping[str, Found]]:
    """What was taken off, by kind; free units among them where the case counts them as a discount."""
    taken: list[Mapping[str, Found]] = [
        {"kind": WORDS[each["kind"]], "amount": Figure(Decimal(each["amount"]))} for each in _discounts(answer)
    ]
    free = WORDS["free units"]
    wanted = [each.get("kind", "") for each in case.expected.get("discounts", []) if isinstance(each, dict)]
    if any(free.meets(kind) for kind in wanted):
        units: Mapping[str, Found] = {"kind": free, "amount": exactly(summed(lines_of(answer, "usage"), "included"))}
        taken.insert(next(at for at, kind in enumerate(wanted) if free.meets(kind)), units)
    return taken


def lines_found(answer: Answer) -> Iterator[Mapping[str, Found]]:
    """What this part of the period adds, tier by tier, and the shortfall of a minimum."""
    for line in answer["lines"]:
        if line["kind"] == "minimum":
            yield {"kind": WORDS["minimum"], "amount": Figure(Decimal(line["exact"]), Decimal(line["amount"]))}
        else:
            yield from (_part(facts) for facts in portions(line))


def portions(line: Answer) -> list[dict[str, str]]:
    """The parts of a line: those of this part of the period where it is one, else those of the price."""
    steps = line["derivation"]
    later = any(each["name"] == "split" and "quantity_before" in each["facts"] for each in steps)
    portioned = [each["facts"] for each in steps if each["name"] == "portion"]
    return portioned if later or portioned else [each["facts"] for each in steps if each["name"] == "price"]


def _part(facts: Mapping[str, str]) -> Mapping[str, Found]:
    amount = Figure(Decimal(facts["amount"]))
    part: dict[str, Found] = {"amount": amount, "discount": Figure(Decimal(facts.get("off", "0")))}
    if "tier" in facts:
        part["tier"] = exactly(facts["tier"])
    if facts["of"] == "flat":
        return part | {"kind": WORDS["flat"], "flat": amount}
    return part | {"kind": WORDS["usage"], "units": exactly(units_of(facts))}


def units_of(facts: Mapping[str, str]) -> Decimal:
    """How many units a part stands for."""
    return Decimal(facts["quantity"]) / Decimal(facts.get("divisor", "1"))

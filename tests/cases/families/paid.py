"""Credits that pay the lines of a graduated price."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from meter.ledger.applied import Applied, Credit, NotConsumedError, consume
from tests.cases.case import Case
from tests.cases.compare import Figure, Found, Word
from tests.cases.families.metered import metered, portions
from tests.cases.families.tiers import read_unit, tiers_of
from tests.cases.question import WORDS, Answer, Question, money

NOT_CONSUMED = Word("credits_not_fully_consumed", frozenset({"credits_not_fully_consumed"}))
MINIMUM = "minimum"
Row = Mapping[str, Sequence[str]]


class Part:
    """A part of an answer's lines that is paid by itself: a tier's fee or units, or what is missing to a minimum."""

    def __init__(self, place: int, kind: str, tier: str, amount: Decimal) -> None:
        """`kind` is flat, usage or minimum; `amount` is what is due."""
        self.place, self.kind, self.tier, self.amount = place, kind, tier, amount

    def is_meant(self, label: str, first: int) -> bool:
        """Whether their label says this line: its amount, its place, its words for a minimum, or its tier and kind."""
        if re.fullmatch(r"\d+(\.\d+)?", label):
            return Decimal(label) in (self.amount, self.place + first)
        if self.kind == MINIMUM:
            return WORDS[MINIMUM].meets(re.sub(r"\W+", "_", label))
        same_kind = ("flat" in label) == (self.kind == "flat")
        return same_kind and re.findall(r"\d+", label) == [self.tier]


def credited(case: Case) -> Question:
    """The lines of a graduated price, as the service rates them, paid with credits by the ledger's own function."""
    tiers, bound = tiers_of(case, read_unit)
    given = [Credit(amount) for amount in case.price.numbers("credits")]

    def paid(answer: Answer) -> Mapping[str, Found]:
        return _paid(case, answer, given)

    return metered(case, {"model": "graduated", "tiers": tiers}, bound=bound, more=paid)


def _paid(case: Case, answer: Answer, given: Sequence[Credit]) -> Mapping[str, Found]:
    parts = list(_parts(answer))
    try:
        applied = consume([part.amount for part in parts], given)
    except NotConsumedError:
        return {"error": NOT_CONSUMED, "total": NOT_CONSUMED, "credits_total": NOT_CONSUMED}
    return {
        "total": Figure(sum(applied.due, Decimal(0))),
        "credits_total": Figure(applied.total),
        "allocation": _allocation(case, parts, applied, given),
    }


def _parts(answer: Answer) -> Iterable[Part]:
    """What is due, part by part, less what was taken off already."""
    place = 0
    for line in answer["lines"]:
        if line["kind"] == MINIMUM:
            yield Part(place, MINIMUM, "", Decimal(line["exact"]))
            place += 1
            continue
        for facts in portions(line):
            kind = "flat" if facts["of"] == "flat" else "usage"
            due = Decimal(facts["amount"]) - Decimal(facts.get("off", "0"))
            if due:
                yield Part(place, kind, facts.get("tier", "1"), due)
                place += 1


def _allocation(
    case: Case, parts: Sequence[Part], applied: Applied, given: Sequence[Credit]
) -> list[Mapping[str, Found]]:
    """Who paid which line; lines that nobody paid are among them only where the case counts all lines."""
    wanted: list[Row] = [each for each in case.expected.get("allocation", []) if isinstance(each, dict)]
    labels = [str(row.get("line", "")) for row in wanted]
    first = 0 if "0" in labels else 1
    shown = [part for part in parts if len(wanted) == len(parts) or applied.of_line(part.place)]
    sources = _sources(wanted, given)
    return [
        {
            "line": Word(f"{part.kind} {part.tier}", frozenset(each for each in labels if part.is_meant(each, first))),
            "from": [sources(each.credit, each.amount) for each in applied.of_line(part.place)],
        }
        for part in shown
    ]


def _sources(wanted: Sequence[Row], given: Sequence[Credit]) -> Callable[[int, Decimal], Found]:
    """How they write which credit paid: the amount taken of it, or which one it was by its amount, place or name.

    All credits are used up, so amounts taken add up to them; whole credits are counted once for each line they pay.
    """
    said = [each for row in wanted for each in row.get("from", ())]
    numbers = [Decimal(each) for each in said if re.fullmatch(r"\d+(\.\d+)?", each)]
    has, says = sum((each.amount for each in given), Decimal(0)), sum(numbers, Decimal(0))
    if len(numbers) == len(said) and says == has:
        return lambda _, amount: Figure(amount)
    if len(numbers) == len(said) and says > has:
        return lambda credit, _: Figure(given[credit].amount)
    first = 0 if any(re.findall(r"\d+", each)[:1] == ["0"] for each in said) else 1

    def named(credit: int, amount: Decimal) -> Found:
        whole = money(given[credit].amount)
        names = {f"{money(amount)} {of} {whole}" for of in ("of", "from", "/")}
        words = ("", "c", "credit", "credit ", "credit-", "credit_", "#")
        return Word(f"{money(amount)} of {whole}", frozenset(names | {f"{word}{credit + first}" for word in words}))

    return named


MODELS: Mapping[str, Callable[[Case], Question]] = {"graduated+credits": credited}

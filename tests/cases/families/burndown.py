"""Credits of theirs that usage burns down, grant by grant; the ledger's functions answer, not the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import chain

from meter.ledger.recurring import Terms
from meter.ledger.wallet import owed
from tests.cases.case import Case, Fields, NotUnderstoodError
from tests.cases.compare import Figure, Found, Word
from tests.cases.families.burndown_story import Grant, Usage, play
from tests.cases.families.burndown_words import LONG_AFTER, instant, many, recurrence
from tests.cases.question import Question, exactly


def burned(case: Case) -> Question:
    """The case played, and nothing to ask."""
    found = _found(case)
    return Question({}, lambda _: found)


def _found(case: Case) -> Mapping[str, Found]:
    """Everything that a case may expect."""
    grants = _grants(case)
    usages = case.usage.rows("usages", lambda row: Usage(instant(row.text("at")), row.number("quantity")))
    said = {name: str(case.expected[name]) for name in ("evaluated_from", "evaluated_at") if name in case.expected}
    begin = instant(said.get("evaluated_from", "t0"))
    latest = max(chain((each.at for each in usages), (each.effective for each in grants)), default=begin)
    until = instant(said["evaluated_at"]) if "evaluated_at" in said else latest
    played = play(grants, usages, begin, until)
    left = {grants[lot.id].name: lot.left for lot in played.wallet.lots}
    answer: dict[str, Found] = {name: Word(text, frozenset({text})) for name, text in said.items()}
    answer["overage"] = exactly(owed(played.wallet))
    answer["balances"] = {name: exactly(amount) for name, amount in left.items()}
    if played.owed_at:
        first = min(played.owed_at, key=lambda place: (grants[place].effective, place))
        answer["overage_at_grant_start"] = exactly(played.owed_at[first])
    return {**answer, **_of_the_soonest(grants, left)}


def _of_the_soonest(grants: Sequence[Grant], left: Mapping[str, Decimal]) -> Mapping[str, Figure]:
    """What the grant that ends first has left, and what every other has, where they all have the same."""
    ending = sorted((grant for grant in grants if grant.ends is not None), key=lambda grant: grant.ends or LONG_AFTER)
    if not ending:
        return {}
    soonest = {"earliest_expiring_balance": exactly(left[ending[0].name])}
    others = {amount for name, amount in left.items() if name != ending[0].name}
    return soonest | ({"every_other_balance": exactly(others.pop())} if len(others) == 1 else {})


def _grants(case: Case) -> list[Grant]:
    """Grants one by one, or very many of them described in words."""
    if isinstance(case.price_definition.get("grants"), str):
        return many(case.price.text("grants"))
    grants = case.price.rows("grants", _grant)
    if len({grant.name for grant in grants}) < len(grants):
        raise NotUnderstoodError("price_definition.grants: two are called the same")
    return grants


def _grant(row: Fields) -> Grant:
    name, amount, priority = row.text("id"), row.number("amount"), row.number("priority", "1")
    effective = instant(row.text("effective", "t0"))
    ends = min((instant(row.text(each)) for each in ("expires", "voided_at") if row.has(each)), default=None)
    terms = None
    if row.has("recurrence"):
        every, times = recurrence(row.text("recurrence"))
        anchor = instant(row.text("anchor")) if row.has("anchor") else effective
        terms = Terms(amount, every, anchor, effective, ends, times)
    return Grant(name, amount, int(priority), effective, ends, terms)


MODELS: Mapping[str, Callable[[Case], Question]] = {"credit_burndown": burned}

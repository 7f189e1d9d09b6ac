"""Prices by tiers: graduated and volume, of units or percentages, of a quantity or of changes of level."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from tests.cases.case import Case, Fields, NotUnderstoodError
from tests.cases.families.metered import metered, of_rows
from tests.cases.question import PERIOD, PRICE, Body, Question, money

ONE = Decimal(1)


def read_unit(row: Fields) -> Body:
    """A tier's price of a unit and its flat fee; each may be missing."""
    return _said(row, ("unit", "unit_amount"), ("flat", "flat"))


def read_percent(row: Fields) -> Body:
    """A tier's percentage and its flat fee."""
    return _said(row, ("rate_percent", "percent"), ("flat", "flat"))


def _said(row: Fields, *names: tuple[str, str]) -> Body:
    tier = {ours: money(row.number(theirs)) for theirs, ours in names if row.has(theirs)}
    ends: Body = {name: row.number(name) for name in ("from", "up_to") if row.has(name)}
    return tier | ends


def tiers_of(case: Case, read: Callable[[Fields], Body]) -> tuple[list[Body], Decimal | None]:
    """The tiers, the last one without its bound, and that bound."""
    tiers = case.price.rows("tiers", read)
    if not tiers:
        raise NotUnderstoodError("price_definition.tiers: there is none")
    for below, above in pairwise(tiers):
        _check_next(below, above)
    bound = tiers[-1].pop("up_to", None)
    for tier in tiers:
        tier.pop("from", None)
        if "up_to" in tier:
            tier["up_to"] = money(tier["up_to"])
    return tiers, bound


def _check_next(below: Body, above: Body) -> None:
    """Their tiers say where they begin: at the bound before, or one above it for people who count whole units."""
    if "from" in above and above["from"] not in (below["up_to"], below["up_to"] + ONE):
        raise NotUnderstoodError(f"price_definition.tiers: {above['from']} does not follow {below['up_to']}")


def by_quantity(model: str, read: Callable[[Fields], Body]) -> Callable[[Case], Question]:
    """The family of a model that prices a quantity."""

    def translate(case: Case) -> Question:
        tiers, bound = tiers_of(case, read)
        return metered(case, {"model": model, "tiers": tiers}, bound=bound)

    return translate


def graduated_prorated(case: Case) -> Question:
    """Changes of level one after the other, each paid for the part of the period that it is in force."""
    tiers, _ = tiers_of(case, read_unit)
    units, prorated = case.usage.numbers("event_units"), case.usage.numbers("event_prorated_units")
    if len(units) != len(prorated):
        raise NotUnderstoodError("usage: event_units and event_prorated_units are not as many")
    begin = datetime.fromisoformat(PERIOD["from"])
    rows: list[dict[str, str | int]] = [
        {
            "meter": PRICE,
            "quantity": money(change),
            "prorated": money(paid),
            "at": (begin + timedelta(minutes=at)).isoformat(),
        }
        for at, (change, paid) in enumerate(zip(units, prorated, strict=True))
    ]
    return of_rows(case, {"model": "graduated", "tiers": tiers}, rows)


def volume_prorated(case: Case) -> Question:
    """The tier goes by all units, the money by those that are paid for."""
    tiers, _ = tiers_of(case, read_unit)
    full, prorated = case.usage.number("full_quantity"), case.usage.number("prorated_quantity")
    row: dict[str, str | int] = {"meter": PRICE, "quantity": money(full), "prorated": money(prorated)}
    return of_rows(case, {"model": "volume", "tiers": tiers}, [row])


MODELS: Mapping[str, Callable[[Case], Question]] = {
    "graduated": by_quantity("graduated", read_unit),
    "volume": by_quantity("volume", read_unit),
    "graduated_percentage": by_quantity("graduated_percentage", read_percent),
    "graduated_prorated_by_event": graduated_prorated,
    "volume_prorated": volume_prorated,
}

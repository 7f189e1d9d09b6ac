"""What was agreed with one team: prices of its own in place of a plan's, from an instant until another."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from meter.rating.book_catalogue import FIELD as CATALOGUE
from meter.rating.models import per_unit
from meter.rating.plan import CHARGE, INVOICE, Plan
from meter.rating.plan_table import OfBook, read_plan
from meter.rating.price_table import SHARED_FIELDS, UNLIMITED
from meter.rating.table import Table

FIELD: Final = "overrides"
_EVER: Final = datetime(1, 1, 1, tzinfo=UTC)
_NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_EXAMPLE: Final = "0199c7b2-5f0a-7c31-9a4e-2f1d8c0b6e55"


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """What a team pays in [``start``, ``end``), None being without end, on ``plan``, or on every plan.

    ``plans`` has the whole plan as the team has it, for each that it is for.
    """

    team: UUID
    plan: str | None
    start: datetime | None
    end: datetime | None
    plans: dict[str, Plan]

    def holds(self, at: datetime) -> bool:
        """Whether it is agreed at an instant."""
        return (self.start or _EVER) <= at < (self.end or _NEVER)


def plan_for(plan: Plan, own: Iterable[Override], at: datetime) -> Plan:
    """The plan as agreed with a team at an instant, by its ``own`` overrides, else as it is for all."""
    return next((each.plans[plan.name] for each in own if plan.name in each.plans and each.holds(at)), plan)


def edges_for(own: Iterable[Override], start: datetime, end: datetime) -> tuple[datetime, ...]:
    """When inside (``start``, ``end``), in order, what is agreed with a team begins or ends."""
    edges = {edge for each in own for edge in (each.start, each.end) if edge is not None}
    return tuple(sorted(edge for edge in edges if start < edge < end))


def by_team(overrides: Iterable[Override]) -> dict[UUID, tuple[Override, ...]]:
    """Each team's own, in the order of the book."""
    found: dict[UUID, tuple[Override, ...]] = {}
    for each in overrides:
        found[each.team] = (*found.get(each.team, ()), each)
    return found


def read_overrides(top: Table, tables: Mapping[str, dict[str, Any]], book: OfBook) -> tuple[Override, ...]:
    """Read what a book agrees with teams; ``tables`` are its plans as written. Raises BookError."""
    read: defaultdict[UUID, dict[int, Override]] = defaultdict(dict)
    for number, row in enumerate(top.rows(FIELD, optional=True), 1):
        override = _override(row, tables, book)
        _refuse_overlap(override, read[override.team], row)
        read[override.team][number] = override
    numbered = {number: override for own in read.values() for number, override in own.items()}
    return tuple(numbered[number] for number in sorted(numbered))


def _override(row: Table, tables: Mapping[str, dict[str, Any]], book: OfBook) -> Override:
    team = _team(row)
    plan = row.text("plan") if row.has("plan") else None
    if plan is not None and plan not in tables:
        row.refuse("plan", f"there is no plan {plan!r}", f"choose of {', '.join(tables)}, or leave it out for all")
    start = row.instant("from") if row.has("from") else None
    end = row.instant("until") if row.has("until") else None
    if start is not None and end is not None and end <= start:
        row.refuse("until", "is not after from", "write a later one, or leave it out")
    changes = _changes(row)
    row.finish()
    chosen = {plan: tables[plan]} if plan is not None else _meant(changes, tables)
    known = {name for fields in chosen.values() for name in fields.get("prices", {})}
    plans = {
        name: read_plan(name, Table(row.file, row.path, _merged(fields, changes, known)), book)
        for name, fields in chosen.items()
    }
    return Override(team=team, plan=plan, start=start, end=end, plans=plans)


def _team(row: Table) -> UUID:
    text = row.text("team")
    if not _UUID.fullmatch(text):
        row.refuse("team", f"{text!r} is not the id of a team", f'write team = "{_EXAMPLE}"')
    return UUID(text)


def _changes(row: Table) -> dict[str, Any]:
    """What of a plan is replaced, as written."""
    changes: dict[str, Any] = {}
    if row.has("base_fee"):
        row.money("base_fee")
        changes["base_fee"] = row.fields["base_fee"]
    if row.has("charge"):
        changes["charge"] = row.choice("charge", CHARGE, INVOICE)
    if prices := {name: price.fields for name, price in row.tables("prices")}:
        changes["prices"] = prices
    if not changes:
        row.refuse("", "changes nothing", 'write base_fee = "29.00", or prices.requests.unit_amount = "0.008"')
    return changes


def _meant(changes: Mapping[str, Any], tables: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The plans that an override without one is for: a price that only some have is changed in those.

    A price that none of them has is a new one in each.
    """
    prices = changes.get("prices", {})
    known = {name for fields in tables.values() for name in fields.get("prices", {})}
    if {"base_fee", "charge"} & changes.keys() or not prices.keys() <= known:
        return dict(tables)
    return {name: fields for name, fields in tables.items() if prices.keys() & fields.get("prices", {}).keys()}


def _merged(fields: dict[str, Any], changes: Mapping[str, Any], known: AbstractSet[str]) -> dict[str, Any]:
    """A plan's table with what is replaced in it, prices field by field."""
    prices = dict(fields.get("prices", {}))
    for name, new in changes.get("prices", {}).items():
        if name in prices or name not in known:
            prices[name] = _price(prices.get(name, {}), new)
    return {**fields, **changes, "prices": prices}


def _price(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A price's table with fields replaced. Those of its model go, where it has another one or needs none."""
    another = new.get("model", old.get("model", per_unit.NAME)) != old.get("model", per_unit.NAME)
    if another or new.get("included") == UNLIMITED:
        return {field: value for field, value in old.items() if field in SHARED_FIELDS} | new
    other = {"rates": CATALOGUE, CATALOGUE: "rates"}
    gone = {other[field] for field in new if field in other}
    return {field: value for field, value in old.items() if field not in gone} | new


def _refuse_overlap(new: Override, own: Mapping[int, Override], row: Table) -> None:
    """Of two prices for the same moment nobody could say which holds."""
    for number, old in own.items():
        both = [name for name in new.plans if name in old.plans]
        if both and _overlap(old, new):
            said = f"of plan {both[0]} is for the same time and team as overrides[{number}]"
            row.refuse("", said, "write from and until so that one ends before the other begins")


def _overlap(one: Override, other: Override) -> bool:
    return max(one.start or _EVER, other.start or _EVER) < min(one.end or _NEVER, other.end or _NEVER)

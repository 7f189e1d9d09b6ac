"""A meter as the API shows it, and as it is told to: what POST and PATCH take, completed and checked by meter_rules."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.names import ONE_LINE, Line
from meter.cells import Aggregation
from meter.meter_rules import (
    MAX_DIMENSIONS,
    MAX_STATUSES,
    Definition,
    GapRule,
    Per,
    completed,
    definition_of,
)
from meter.model import Meter
from meter.usage import plain

Title = Line
Unit = Annotated[str, Meta(min_length=1, max_length=40, pattern=ONE_LINE)]
Slug = Annotated[str, Meta(max_length=63, pattern=r"^[a-z][a-z0-9_.]*$")]
Names = Annotated[list[Annotated[str, Meta(max_length=63)]], Meta(max_length=MAX_DIMENSIONS)]
Statuses = Annotated[list[Annotated[str, Meta(max_length=32)]], Meta(min_length=1, max_length=MAX_STATUSES)]
UniqueOf = Annotated[str, Meta(max_length=120)]


class MeterView(msgspec.Struct, frozen=True):
    """What is measured, in which unit, how it adds up, and which dimensions its events may have.

    `own`: the team's, not of the catalogue. What is sent is divided by `scale`; levels count per `per`.
    `expected_every_seconds`: how often each series is expected to report, where that is said and not learned.
    """

    slug: str
    title: str
    unit: str
    aggregation: str
    billable: bool
    dimensions: list[str]
    own: bool
    scale: str
    per: str | None
    unique_of: str | None
    percentile: str | None
    gap_rule: str | None
    gap_seconds: int | None
    billable_statuses: list[str] | None
    expected_every_seconds: int | None
    version: int
    archived_at: datetime | None


class NewMeter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A meter to make. Prices, invoices and senders name it by `slug`, which never changes.

    `scale`: what is sent is divided by it (1024 where MB are sent and the unit is GB). `per`, of time-weighted meters:
    a level held for this long is one unit; `hour` if left out. `unique_of`: what is counted, `member` or
    `attributes.<name>`. `percentile`: 95 if left out. `gap_rule` and `gap_seconds`: how long the level of a point
    holds, and what comes after. `billable_statuses`: the calls that are billed, as in `["2xx", "404"]`; null for all.
    `expected_every_seconds`: how often each series is expected to report; null: learned where there is a rhythm.
    Only the operator makes meters that are `billable`.
    """

    slug: Slug
    unit: Unit
    aggregation: Aggregation
    title: Title | None = None
    dimensions: Names = []
    scale: Decimal = Decimal(1)
    per: Per | None = None
    unique_of: UniqueOf | None = None
    percentile: Decimal | None = None
    gap_rule: GapRule | None = None
    gap_seconds: int | None = None
    billable: bool = False
    billable_statuses: Statuses | None = None
    expected_every_seconds: int | None = None


class MeterEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of a meter changes; what is left out stays. docs/meters.md says what may change once it is used.

    `archived`: false puts an archived meter back into use.
    """

    title: Title | UnsetType = UNSET
    unit: Unit | UnsetType = UNSET
    aggregation: Aggregation | UnsetType = UNSET
    dimensions: Names | UnsetType = UNSET
    scale: Decimal | UnsetType = UNSET
    per: Per | UnsetType | None = UNSET
    unique_of: UniqueOf | UnsetType | None = UNSET
    percentile: Decimal | UnsetType | None = UNSET
    gap_rule: GapRule | UnsetType | None = UNSET
    gap_seconds: int | UnsetType | None = UNSET
    billable: bool | UnsetType = UNSET
    billable_statuses: Statuses | UnsetType | None = UNSET
    expected_every_seconds: int | UnsetType | None = UNSET
    archived: bool | UnsetType = UNSET


def shown(meter: Meter) -> MeterView:
    """The meter as people name it."""
    said = definition_of(meter)
    return MeterView(
        meter.slug,
        meter.title,
        meter.unit,
        meter.aggregation,
        meter.billable,
        list(said.dimensions),
        meter.own,
        plain(said.scale),
        meter.per,
        meter.unique_of,
        None if meter.percentile is None else plain(meter.percentile),
        meter.gap_rule,
        meter.gap_seconds,
        None if meter.billable_statuses is None else list(meter.billable_statuses),
        meter.expected_every_seconds,
        meter.version,
        meter.archived_at,
    )


def defined(data: NewMeter) -> Definition:
    """What a new meter is to be, with what goes without saying."""
    return completed(Definition(**_fields(data) | {"title": data.title or data.slug}))


def edited(meter: Meter, data: MeterEdit) -> Definition:
    """What a meter is to be after an edit."""
    return completed(msgspec.structs.replace(definition_of(meter), **_fields(data)))


def _fields(data: NewMeter | MeterEdit) -> dict[str, Any]:
    """What was said, lists as tuples."""
    given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}

"""What all questions of analytics are asked with: a measure, meters, labels and a zone; spans, groups and forms."""

from __future__ import annotations

from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter, SkipValidation

from api.analytics_rows import Measure, Question
from api.auth import may
from api.errors import problems
from api.formats import MEDIA_TYPES, Format
from api.given import TheTeam
from api.labels import TheFilters
from api.openapi import FORMS
from api.parameters import Zone
from api.query import OPEN
from api.questions import instant_of, listed, zone_of
from api.state import Shell
from meter.errors import NotFound, RawDataGone, UnknownMeter
from meter.labels import Filter
from meter.windows import Window

Meters = Annotated[
    list[str] | None,
    QueryParameter(name="meter", description="Which; with measure=cost any number, repeated or with commas, or none."),
]
Measured = Annotated[
    Measure, QueryParameter(description="The meter's quantity, or what usage costs at list price of its time.")
]
Group = Annotated[
    str | None,
    QueryParameter(description="member, service, key or a declared dimension; with measure=cost also meter."),
]
IN_ANY_FORM = {FORMS: tuple(MEDIA_TYPES.values())}
Form = Annotated[Format | None, QueryParameter(name="format", description="In place of Accept.")]


class Subject(NamedTuple):
    """What a question is about: which measure of which meters, whose labels pass, in which zone."""

    measure: Measure
    meters: tuple[str, ...]
    filters: tuple[Filter, ...]
    zone: ZoneInfo

    def question(self, shell: Shell, from_: str, to: str, window: Window | None, group_by: str | None) -> Question:
        """The question over a span as it is written. Raises InvalidParameter for one that can't be read."""
        now = shell.clock()
        start, end = (instant_of(name, text, self.zone, now) for name, text in (("from", from_), ("to", to)))
        return Question(self.measure, self.meters, start, end, window, self.zone, group_by, self.filters)


TheSubject = NamedDependency[SkipValidation[Subject]]
"""For a handler that `asks`; its filters are held to what the caller may see."""


async def asked_subject(
    team: TheTeam, filters: TheFilters, meter: Meters = None, measure: Measured = "quantity", tz: Zone = None
) -> Subject:
    """What a question of analytics is about. Raises InvalidParameter for a zone that is none."""
    return Subject(measure, listed(meter), filters, zone_of(tz or team.timezone))


def asks(path: str) -> get:
    """Makes a handler answer GET /v1/analytics/<path>: a question about a team's usage, whose rows have any form."""
    return get(
        f"/v1/analytics/{path}",
        guards=[may("view_usage")],
        responses=problems(NotFound, UnknownMeter, RawDataGone),
        dependencies={"subject": Provide(asked_subject)},
        opt=IN_ANY_FORM | OPEN,
        tags=["analytics"],
    )

"""Meters and queries as OpenMeter's SDKs write them, and what each comes to here. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import ParameterKwarg
from msgspec import UNSET, Meta, UnsetType

from api.formats import as_csv
from api.meter_view import Slug, Title, Unit
from api.names import ONE_LINE
from api.questions import instant_of, zone_of
from meter import windows
from meter.cells import Aggregation
from meter.errors import InvalidMapping, InvalidMeter, InvalidParameter
from meter.facts import ATTRIBUTE
from meter.labels import Filter
from meter.mapping.event_rules import EventRule, is_path, path
from meter.mapping.rules import MOST_RULES, Document
from meter.meter_rules import Definition, completed
from meter.meter_times import Times
from meter.model import Meter
from meter.usage import Query, Usage, plain
from meter.windows import Window

OpenMeterAggregation = Literal["SUM", "COUNT", "UNIQUE_COUNT", "AVG", "MIN", "MAX", "LATEST"]
OpenMeterWindow = Literal["MINUTE", "HOUR", "DAY", "MONTH"]
OrderBy = Literal["key", "name", "aggregation", "createdAt", "updatedAt"]

AGGREGATIONS: dict[OpenMeterAggregation, Aggregation] = {
    "SUM": "sum",
    "COUNT": "count",
    "UNIQUE_COUNT": "unique",
    "AVG": "average",
    "MIN": "min",
    "MAX": "max",
    "LATEST": "latest",
}
SPOKEN: dict[str, OpenMeterAggregation] = {ours: theirs for theirs, ours in AGGREGATIONS.items()}
WINDOWS: dict[OpenMeterWindow, Window] = {"HOUR": "hour", "DAY": "day", "MONTH": "month"}
USUAL_UNIT = "unit"
SUBJECT = "subject"
GLOB = re.compile(r"[*?!]")
LONGEST_FILTER = 8_000
_TEXT = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_FILTER = re.compile(
    rf"\{{(?:\s*{_TEXT}\s*:\s*(?:{_TEXT}|\[(?:\s*{_TEXT}\s*,)*(?:\s*{_TEXT}\s*)?\])\s*(?:,|(?=\}})))*\s*\}}", re.DOTALL
)
_numbers = msgspec.json.Encoder(decimal_format="number")

Number = Annotated[Decimal, ParameterKwarg(schema_extra={"type": OpenAPIType.NUMBER})]
Expression = Annotated[str, Meta(min_length=1, max_length=300, pattern=ONE_LINE)]
Text = Annotated[str, Meta(max_length=300)]
Texts = Annotated[list[Text], Meta(max_length=1_000)]


class OpenMeterNewMeter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A meter to make, as OpenMeter's SDKs say it: which events count, by which value of their data.

    `valueProperty` and the values of `groupBy` are paths into the data, as in `$.tokens`; the keys of `groupBy` become
    dimensions. `metadata.unit` is the unit. `description` and what else is in `metadata` is not kept.
    """

    slug: Slug
    event_type: Expression
    aggregation: OpenMeterAggregation
    value_property: Expression | None = None
    group_by: dict[str, Expression] | None = None
    name: Title | None = None
    description: str | None = None
    metadata: dict[str, str] | None = None
    event_from: Text | None = None


class OpenMeterMeter(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A meter that an event rule with a plain type counts to, as OpenMeter's SDKs read it; `id` is the slug."""

    id: str
    slug: str
    name: str
    aggregation: OpenMeterAggregation
    event_type: str
    value_property: str | UnsetType = UNSET
    group_by: dict[str, str]
    metadata: dict[str, str] | UnsetType = UNSET
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | UnsetType = UNSET


class OpenMeterQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A question about the usage of a meter as OpenMeter's SDKs ask it; a subject is a member.

    `filterCustomerId` and `advancedMeterGroupByFilters` are refused, and so are windows of a MINUTE.
    """

    client_id: Text | None = None
    from_: Text | None = msgspec.field(name="from", default=None)
    to: Text | None = None
    window_size: OpenMeterWindow | None = None
    window_time_zone: Text | None = None
    subject: Texts | None = None
    filter_customer_id: Texts | None = None
    filter_group_by: dict[str, Texts] | None = None
    advanced_meter_group_by_filters: dict[str, Any] | None = None
    group_by: Texts | None = None


class OpenMeterRow(msgspec.Struct, frozen=True, rename="camel"):
    """What was used in a window, by one group. `subject` is null unless asked for, or where usage has no member."""

    value: Number
    window_start: datetime
    window_end: datetime
    subject: str | None
    customer_id: str | None
    group_by: dict[str, str | None]


class OpenMeterAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Usage by window and group; `from`, `to` and `windowSize` are there where they were asked for."""

    from_: datetime | UnsetType = msgspec.field(name="from", default=UNSET)
    to: datetime | UnsetType = UNSET
    window_size: OpenMeterWindow | UnsetType = UNSET
    data: list[OpenMeterRow]


def defined(data: OpenMeterNewMeter) -> Definition:
    """What the new meter is to be. Raises InvalidMeter for what can't be said of ours."""
    if data.event_from is not None:
        raise InvalidMeter("eventFrom: a meter counts what is sent from now on; leave it out, and query from then on")
    return completed(
        Definition(
            slug=data.slug,
            title=data.name or data.slug,
            unit=_unit(data.metadata or {}),
            aggregation=AGGREGATIONS[data.aggregation],
            dimensions=tuple(data.group_by or {}),
            unique_of=_unique_of(data) if data.aggregation == "UNIQUE_COUNT" else None,
        )
    )


def rule_of(data: OpenMeterNewMeter) -> EventRule:
    """Which events count to the new meter, and how. Raises InvalidMeter for what no rule can say."""
    if GLOB.search(data.event_type):
        raise InvalidMeter("eventType: one type as it is sent, without *, ? and !; write a rule in PUT /v1/mapping")
    for name, expression in (data.group_by or {}).items():
        if not is_path(expression):
            raise InvalidMeter(f"groupBy.{name[:64]}: {expression[:64]!r} is no path into the data, as in $.model")
    is_counted = data.aggregation in {"COUNT", "UNIQUE_COUNT"}
    return EventRule(
        type=data.event_type,
        meter=data.slug,
        value=None if is_counted else _value(data),
        dimensions=data.group_by or {},
    )


def _value(data: OpenMeterNewMeter) -> str:
    if data.value_property is None:
        raise InvalidMeter(f"valueProperty: {data.aggregation} needs the path of a value, as in $.tokens")
    if not is_path(data.value_property):
        raise InvalidMeter(f"valueProperty: {data.value_property[:64]!r} is no path into the data, as in $.tokens")
    return data.value_property


def _unique_of(data: OpenMeterNewMeter) -> str:
    names = path(_value(data))
    if len(names) > 1:
        raise InvalidMeter("valueProperty: UNIQUE_COUNT counts the values of a name at the top of the data, as $.user")
    return f"{ATTRIBUTE}{names[0]}"


def _unit(metadata: Mapping[str, str]) -> str:
    try:
        return msgspec.convert(metadata.get("unit", USUAL_UNIT), Unit)
    except msgspec.ValidationError as error:
        raise InvalidMeter(f"metadata.unit: {error}") from error


def with_rule(document: Document, rule: EventRule) -> Document:
    """The mapping with one more rule for events, asked after those it has. Raises InvalidMapping for one too many."""
    if len(document.events) >= MOST_RULES:
        raise InvalidMapping(f"events: at most {MOST_RULES} rules; the mapping has them already")
    return msgspec.structs.replace(document, events=[*document.events, rule])


def without_rules(document: Document, slug: str) -> Document:
    """The mapping without the rules by which events count to a meter."""
    return msgspec.structs.replace(document, events=[rule for rule in document.events if rule.meter != slug])


def plain_rules(document: Document, meters: Mapping[str, Meter]) -> dict[str, EventRule]:
    """By slug the meters that OpenMeter has a word for, with the first rule of a plain type that counts to each."""
    found: dict[str, EventRule] = {}
    for rule in document.events:
        meter = meters.get(rule.meter or "")
        if meter is not None and meter.aggregation in SPOKEN and not GLOB.search(rule.type):
            found.setdefault(meter.slug, rule)
    return found


def shown(meter: Meter, rule: EventRule, times: Times) -> OpenMeterMeter:
    """The meter as OpenMeter's SDKs read it."""
    value = rule.value
    if meter.unique_of is not None and meter.unique_of.startswith(ATTRIBUTE):
        value = f"$.{meter.unique_of.removeprefix(ATTRIBUTE)}"
    return OpenMeterMeter(
        id=meter.slug,
        slug=meter.slug,
        name=meter.title,
        aggregation=SPOKEN[meter.aggregation],
        event_type=rule.type,
        value_property=UNSET if value is None else value,
        group_by=rule.dimensions,
        metadata=UNSET if meter.unit == USUAL_UNIT else {"unit": meter.unit},
        created_at=times.created_at,
        updated_at=times.changed_at,
        deleted_at=UNSET if meter.archived_at is None else meter.archived_at,
    )


def ordered(found: Iterable[OpenMeterMeter], by: OrderBy) -> list[OpenMeterMeter]:
    """The meters in this order, by slug where that says the same of two."""
    names = {"key": "slug", "createdAt": "created_at", "updatedAt": "updated_at"}
    return sorted(found, key=lambda meter: (getattr(meter, names.get(by, by)), meter.slug))


def written_filter(text: str) -> dict[str, list[str]]:
    """A filter in one parameter, as a Python dict is printed: {'model': 'x'}, also of lists. Raises InvalidParameter.

    Only what looks like that as a whole is read: nothing nested, so nothing deep.
    """
    if len(text) > LONGEST_FILTER or _FILTER.fullmatch(text) is None:
        raise InvalidParameter("filterGroupBy: write filterGroupBy[model]=x, or one parameter like {'model': 'x'}")
    try:
        found: dict[str, str | list[str]] = ast.literal_eval(text)
    except (SyntaxError, ValueError) as error:
        raise InvalidParameter(f"filterGroupBy: {error}") from error
    return {name: [value] if isinstance(value, str) else value for name, value in found.items()}


def check_supported(asked: OpenMeterQuery) -> None:
    """Refuses what would otherwise be passed over, and text that no label holds. Raises InvalidParameter."""
    for name, given in (
        ("filterCustomerId", asked.filter_customer_id),
        ("advancedMeterGroupByFilters", asked.advanced_meter_group_by_filters),
    ):
        if given is not None:
            raise InvalidParameter(f"{name}: is not supported; filter by subject and filterGroupBy")
    if asked.window_size == "MINUTE":
        raise InvalidParameter(f"windowSize: there are no windows of a MINUTE; ask for {', '.join(WINDOWS)}")
    filters = asked.filter_group_by or {}
    for text in (*(asked.subject or ()), *filters, *(each for values in filters.values() for each in values)):
        if "\0" in text or not _is_unicode(text):
            raise InvalidParameter(f"{text[:64]!a} has what is no text: a NUL, or half a character")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def filters_of(asked: OpenMeterQuery) -> tuple[Filter, ...]:
    """What usage is narrowed to; an empty value: has none."""
    given = {} if not asked.subject else {SUBJECT: asked.subject}
    pairs = (*given.items(), *(asked.filter_group_by or {}).items())
    return tuple(Filter(label_of(name), "in", tuple(value or None for value in values)) for name, values in pairs)


def groups_of(asked: OpenMeterQuery) -> tuple[str, ...]:
    """By what usage is grouped: what was asked for, and by subject where subjects were: as OpenMeter does.

    Raises InvalidParameter for one named twice.
    """
    names = [label_of(name) for name in asked.group_by or ()]
    if len(set(names)) != len(names):
        raise InvalidParameter("groupBy: name each once")
    return (*names, *([label_of(SUBJECT)] if asked.subject and label_of(SUBJECT) not in names else []))


def label_of(name: str) -> str:
    """What a name of OpenMeter's is called here: a subject is a member, everything else keeps its name."""
    return "member" if name == SUBJECT else name


def query_of(
    asked: OpenMeterQuery, slug: str, filters: tuple[Filter, ...], now: datetime, first: datetime | None
) -> Query:
    """The question in our words. Raises InvalidParameter.

    Without `from` it begins with the window of the day that the meter was `first` used on, or where it ends if there
    was no use before; without `to` it ends with the window (else the quarter of an hour) that holds `now`.
    """
    check_supported(asked)
    zone = zone_of(asked.window_time_zone or "UTC", "windowTimeZone")
    window = None if asked.window_size is None else WINDOWS[asked.window_size]
    cut = window or "15m"
    present = windows.following(windows.floor(now, cut, zone), cut, zone)
    end = present if asked.to is None else instant_of("to", asked.to, zone)
    used = end if first is None else min(windows.floor(first, cut, zone), end)
    start = used if asked.from_ is None else instant_of("from", asked.from_, zone)
    return Query(
        meters=(slug,),
        start=start,
        end=end,
        zone=zone,
        window=window,
        filters=filters,
        group_by=groups_of(asked),
    )


def answer_of(asked: OpenMeterQuery, query: Query, usage: Usage | None) -> OpenMeterAnswer:
    """The usage (None: there was none to ask about) as OpenMeter's SDKs read it."""
    return OpenMeterAnswer(
        from_=UNSET if asked.from_ is None else query.start,
        to=UNSET if asked.to is None else query.end,
        window_size=UNSET if asked.window_size is None else asked.window_size,
        data=[] if usage is None else list(_rows(usage)),
    )


def _rows(usage: Usage) -> Iterator[OpenMeterRow]:
    (reading,) = usage.readings
    for item in reading.items:
        if item.quantity is not None:
            labels = dict(zip(usage.query.group_by, item.group, strict=True))
            subject = labels.pop(label_of(SUBJECT), None)
            yield OpenMeterRow(Decimal(plain(item.quantity)), item.start, item.end, subject, None, labels)


def rendered(asked: OpenMeterQuery, query: Query, usage: Usage | None, is_csv: bool) -> bytes:  # noqa: FBT001
    """The answer as JSON with its values as numbers, to the last digit; or as CSV."""
    answer = answer_of(asked, query, usage)
    return as_table(answer, query.group_by) if is_csv else _numbers.encode(answer)


def as_table(answer: OpenMeterAnswer, group_by: Sequence[str]) -> bytes:
    """The answer as CSV: both ends of the window, the subject if grouped by it, the other groups, the value."""
    member = label_of(SUBJECT)
    names = [name for name in group_by if name != member]
    subject = [SUBJECT] if member in group_by else []
    rows = (
        [
            row.window_start,
            row.window_end,
            *(row.subject for _ in subject),
            *(row.group_by[name] for name in names),
            row.value,
        ]
        for row in answer.data
    )
    return as_csv(["window_start", "window_end", *subject, *names, "value"], rows).encode()

"""Events to rows: what each must bring, where it counts, how a sample is cut. Pure; the clock is passed in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from meter.identity import named, segment, time_in
from meter.model import Event, Meter, Refusal, SeriesKey
from meter.segments import EXACT, STORED, split
from meter.statuses import STATUS, billed, status_of
from meter.windows import month_seconds

PG_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MAX_DURATION_S = 31 * 86_400
MAX_ID = 512
MEMBER, ATTRIBUTE = "member", "attributes."
MAX_STRING = 200
MAX_DIMENSIONS = 16
MAX_ATTRIBUTES_BYTES = 8_192
MAX_DEPTH = 32
MAX_DIGITS = 26
LONGEST = Context(prec=48)  # times a scale or a divisor, the product still fits EXACT
ONE = Decimal(1)
STORABLE = Context(prec=38, traps=[Inexact, InvalidOperation])  # numeric(38, 12): raises where a digit would be lost

NOT_FINITE = Refusal("invalid_quantity", "the quantity must be a finite number, zero or more; to take back, void")

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # not where the backslash itself is escaped
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Row(NamedTuple):
    """One row to be: sorts by time and id, which is the order that batches are written in."""

    time_us: int
    event_id: bytes
    place: int  # of its event in the body
    series: SeriesKey
    quantity: Decimal
    covers_us: int | None
    attributes: bytes | None


class Horizon(NamedTuple):
    """The times that are accepted, in microseconds since 2000: earliest inclusive, latest inclusive."""

    earliest_us: int
    latest_us: int


def microseconds(instant: datetime) -> int:
    """Microseconds since 2000-01-01 UTC, exact. Raises TypeError for an instant without a zone."""
    since = instant - PG_EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(us: int) -> datetime:
    """The UTC instant of microseconds since 2000."""
    return PG_EPOCH + us * MICROSECOND


def quantity_refusal(quantity: Decimal) -> Refusal | None:
    """Why a number can't be stored: not finite, below zero, 10^26 or more, or finer than 12 decimals."""
    try:
        if STORABLE.quantize(quantity, STORED) >= 0:
            return None
    except (Inexact, InvalidOperation):
        pass  # which of the reasons it is, is told below
    return size_refusal(quantity) or Refusal("invalid_quantity", "the quantity must have at most 12 decimals")


def size_refusal(quantity: Decimal) -> Refusal | None:
    """Why a number can't be reckoned with: not finite, below zero, 10^26 and more, or of more than 48 digits.

    Cheap whatever its exponent.
    """
    if not quantity.is_finite() or quantity < 0:
        return NOT_FINITE
    too_long = quantity and (not -MAX_DIGITS <= quantity.adjusted() < MAX_DIGITS or LONGEST.plus(quantity) != quantity)
    if too_long:
        return Refusal("invalid_quantity", "the quantity must be below 10^26 with at most 12 decimals")
    return None


def time_refusal(time_us: int, horizon: Horizon) -> Refusal | None:
    """Why an instant is not accepted: too far ahead, or before what is kept."""
    if time_us > horizon.latest_us:
        return Refusal("time_in_future", "the time is more than five minutes ahead of ours; check the sender's clock")
    if time_us < horizon.earliest_us:
        return Refusal("too_late", f"events before {instant(horizon.earliest_us).isoformat()} are not taken any more")
    return None


def pairs(event: Event, meters: Mapping[str, Meter]) -> dict[str, Decimal] | Refusal:
    """The meters and quantities of an event, however they were given; 1 where a meter counts events and none is."""
    if event.quantities is not None:
        if event.meter is not None or event.quantity is not None or not event.quantities:
            return Refusal("quantity_missing", "bring either meter and quantity, or quantities with at least one meter")
        return event.quantities
    if event.meter is None:
        return Refusal("quantity_missing", "bring meter and quantity, or quantities")
    if event.quantity is None:
        if event.meter in meters and meters[event.meter].counts_events:
            return {event.meter: ONE}
        return Refusal("quantity_missing", "bring meter and quantity, or quantities")
    return {event.meter: Decimal(event.quantity)}


def shape_refusal(event: Event) -> Refusal | None:
    """Why the event as a whole can't be taken, its quantities and series apart."""
    if event.id is None and event.time is None:
        return Refusal("identity_missing", "bring an id or a time; with neither a retry can't be told from a new event")
    for name, text in (("id", event.id), ("source", event.source)):
        if text is not None and (not 0 < len(text) <= MAX_ID or "\0" in text):
            return Refusal("string_too_long", f"{name} must have 1 to {MAX_ID} characters and no NUL")
    if event.time is not None and event.time.tzinfo is None:
        return Refusal("invalid_time", "the time needs a zone, as in 2026-11-20T09:00:00Z")
    return None


def duration_us(event: Event, meters: Mapping[str, Meter], slugs: Mapping[str, Decimal]) -> int | Refusal | None:
    """The sample's duration in microseconds, None for an event without one."""
    if event.duration_seconds is None:
        return None
    if any(slug in meters and not meters[slug].time_weighted for slug in slugs):
        return Refusal("duration_not_allowed", "only time-weighted meters take duration_seconds")
    seconds = event.duration_seconds
    us = Decimal(0) if quantity_refusal(seconds) else seconds * 1_000_000
    if not 0 < us <= MAX_DURATION_S * 1_000_000 or us != us.to_integral_value():
        return Refusal("invalid_duration", "duration_seconds must be above 0, at most 31 days, with 6 decimals at most")
    return int(us)


def _depth(value: object) -> int:
    """How deep dictionaries and lists nest; level by level, as what is too deep must not recurse."""
    level, depth = [value], 0
    while level := [item for item in level if isinstance(item, (dict, list))]:
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
        depth += 1
    return depth


def attribute_bytes(event: Event) -> bytes | Refusal | None:
    """The attributes as stored JSON, the original id among them so that drill-down can show it."""
    if event.attributes is None:
        return None
    if _depth(event.attributes) > MAX_DEPTH:
        return Refusal("string_too_long", f"attributes nest at most {MAX_DEPTH} deep")
    encoded = _encode({"id": event.id, **event.attributes} if event.id is not None else event.attributes)
    if len(encoded) > MAX_ATTRIBUTES_BYTES:
        return Refusal("string_too_long", f"attributes take at most {MAX_ATTRIBUTES_BYTES} bytes as JSON")
    if _NUL.search(encoded):
        return Refusal("string_too_long", "attributes must have no NUL")
    return encoded


def _bad_string(name: str, value: str | None) -> Refusal | None:
    if value is not None and (not 0 < len(value) <= MAX_STRING or "\0" in value):
        return Refusal("string_too_long", f"{name} must have 1 to {MAX_STRING} characters and no NUL")
    return None


def series_refusal(key: SeriesKey, meters: Mapping[str, Meter]) -> Refusal | None:
    """Why this series can't be made, or None: unknown meter, undeclared dimensions, strings out of bounds."""
    meter = meters.get(key.meter)
    if meter is None:
        return Refusal("unknown_meter", f"there is no meter {key.meter[:64]!r}; GET /v1/meters lists those there are")
    if len(key.dimensions) > MAX_DIMENSIONS:
        return Refusal("too_many_dimensions", f"at most {MAX_DIMENSIONS} dimensions")
    undeclared = [name for name, _ in key.dimensions if name not in meter.dimensions]
    if undeclared:
        declared = ", ".join(sorted(meter.dimensions)) or "none"
        detail = f"{undeclared[0][:64]!r} is not declared by {meter.slug}; it has {declared}"
        return Refusal("undeclared_dimension", detail)
    named = (("member", key.member), ("service", key.service), *key.dimensions)
    return next((bad for name, value in named if (bad := _bad_string(name, value))), None)


class Defaults(NamedTuple):
    """What an event gets that does not say: the request's member and Idempotency-Key, arrivals, the team's zone."""

    member: str | None
    request: str | None
    arrivals: Mapping[bytes, datetime]
    zone: ZoneInfo = ZoneInfo("UTC")


def needs_arrival(event: Event) -> bool:
    """Whether the event's time must be remembered from its first arrival."""
    return event.time is None and event.id is not None and time_in(event.id) is None


def arrival_id(event: Event, index: int, request: str | None) -> bytes:
    """The identity under which an arrival is remembered: that of the event, whatever its meters."""
    return named(event, "", request, index)


def rows(  # noqa: PLR0911 - a return per reason reads better than a chain of helpers
    event: Event, index: int, meters: Mapping[str, Meter], horizon: Horizon, defaults: Defaults
) -> list[Row] | Refusal:
    """The rows of one event: one per meter, or one per quarter and meter for a sample with a duration; all or none."""
    wrong = shape_refusal(event)
    if wrong:
        return wrong
    if event.member is None and defaults.member is not None:
        event = msgspec.structs.replace(event, member=defaults.member)
    given, attributes = pairs(event, meters), attribute_bytes(event)
    if isinstance(given, Refusal):
        return given
    if isinstance(attributes, Refusal):
        return attributes
    duration = duration_us(event, meters, given)
    if isinstance(duration, Refusal):
        return duration
    time_us = _time_us(event, index, defaults)
    too_far = time_refusal(time_us - (duration or 0), horizon) or time_refusal(time_us, horizon)
    if too_far:
        return too_far
    found: list[Row] = []
    dimensions = tuple(sorted(event.dimensions.items())) if event.dimensions else ()
    for slug, quantity in given.items():
        meter = meters.get(slug)
        unfit = meter_refusal(event, meter) if meter else None
        if unfit:
            return unfit
        key = SeriesKey(slug, event.member, event.service, dimensions, failed(event, meter))
        event_id = named(event, slug, defaults.request, index)
        row = Row(time_us, event_id, index, key, quantity, duration, attributes)
        made = meter_rows(row, meter, defaults.zone)
        if isinstance(made, Refusal):
            return made
        found += made
    return found


def meter_refusal(event: Event, meter: Meter) -> Refusal | None:
    """Why a meter takes no such event: it is archived, or the value whose kinds it counts is missing."""
    if meter.archived_at is not None:
        return Refusal("meter_archived", f"{meter.slug} is archived and takes no events; its usage can still be read")
    if meter.unique_of is None or unique_value(event, meter.unique_of):
        return None
    wanted = "a member (or X-User-ID)" if meter.unique_of == MEMBER else f"{meter.unique_of}: a text or a number"
    return Refusal("unique_value_missing", f"{meter.slug} counts different values; bring {wanted}")


def unique_value(event: Event, unique_of: str) -> bool:
    """Whether an event has the value that a unique count is of: its member, or an attribute that is no list or object.

    The event's member is already that of the request where it named none.
    """
    if unique_of == MEMBER:
        return event.member is not None
    value = (event.attributes or {}).get(unique_of.removeprefix(ATTRIBUTE))
    return isinstance(value, (str, int, float)) and value != ""


def failed(event: Event, meter: Meter | None) -> bool:
    """Whether the attributes hold a status that the meter does not bill; where a dimension has one, that one counts."""
    if meter is None or meter.billable_statuses is None or not event.attributes or STATUS in (event.dimensions or {}):
        return False
    return not billed(status_of(None, event.attributes), meter.billable_statuses)


def _time_us(event: Event, index: int, defaults: Defaults) -> int:
    if event.time is not None:
        return microseconds(event.time)
    carried = time_in(event.id or "")
    return microseconds(carried or defaults.arrivals[arrival_id(event, index, defaults.request)])


def meter_rows(row: Row, meter: Meter | None, zone: ZoneInfo) -> list[Row] | Refusal:
    """The rows of one meter: an unknown one is left to the series check, a level is cut at the quarter edges."""
    if meter is None or not meter.time_weighted:
        return quantity_refusal(row.quantity) or [row]
    too_large = size_refusal(row.quantity)
    if too_large:
        return too_large
    if row.covers_us is not None:
        level = EXACT.multiply(row.quantity, meter.level_scale)
        return quantity_refusal(level) or _segments(row._replace(quantity=level), row.covers_us)
    whole = EXACT.multiply(
        row.quantity, month_seconds(instant(row.time_us), zone) if meter.per_month else meter.divisor
    )
    return quantity_refusal(whole) or [row._replace(quantity=whole)]


def _segments(row: Row, duration: int) -> list[Row] | Refusal:
    made = split(row.quantity, row.time_us - duration, row.time_us)
    if any(quantity_refusal(piece.quantity) for piece in made):
        return Refusal("invalid_quantity", "level times duration must be below 10^26")
    return [
        row._replace(
            time_us=piece.end_us - 1,
            event_id=row.event_id if piece.end_us == row.time_us else segment(row.event_id, piece.end_us),
            quantity=piece.quantity,
            covers_us=piece.covers_us,
        )
        for piece in made
    ]

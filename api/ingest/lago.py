"""Events as Lago's clients send them: `{"event": {…}}`, or `{"events": […]}`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated

import msgspec

from api.ingest.bodies import MAX_DETAIL, Bodies
from api.ingest.exact_json import UnreadableError, check_parts, object_of, value_of
from meter.errors import InvalidBody
from meter.identity import UNIX_EPOCH
from meter.model import Refusal, Rejection
from meter.segments import EXACT
from meter.streams import Occurrence

JSON = "application/json"
_NOTHING = msgspec.Raw(b"null")
_SECONDS = re.compile(r"\d{1,12}(?:\.\d{1,12})?", re.ASCII)
_ONE = re.compile(rb'\s*\{\s*"events?"\s*:')
_ARRAY = re.compile(rb'\s*\{\s*"events"\s*:\s*(\[.*\])\s*\}\s*', re.DOTALL)


class Wrapped(msgspec.Struct, frozen=True):
    """A body: one event, or several; or what only CloudEvents have."""

    event: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    events: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    specversion: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    type: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class LagoEvent(msgspec.Struct, frozen=True, gc=False):
    """An event in Lago's words; what else it has (amounts reckoned elsewhere) is not read."""

    transaction_id: Annotated[str, msgspec.Meta(min_length=1)]
    code: Annotated[str, msgspec.Meta(min_length=1)]
    external_subscription_id: str | None = None
    external_customer_id: str | None = None
    timestamp: msgspec.Raw = _NOTHING
    properties: msgspec.Raw = _NOTHING


_encode = msgspec.json.Encoder(decimal_format="number").encode
_wrapped = msgspec.json.Decoder(Wrapped)
_bodies = Bodies(LagoEvent)


def is_lago(body: bytes) -> bool:
    """Whether a body is Lago's, and not a CloudEvent at the same address: it has `event` or `events` and no `type`."""
    try:
        found = _wrapped.decode(body)
    except (ValueError, RecursionError):
        return _ONE.match(body) is not None
    named = found.event is not msgspec.UNSET or found.events is not msgspec.UNSET
    return named and found.specversion is msgspec.UNSET and found.type is msgspec.UNSET


def decode(body: bytes, most: int) -> list[Occurrence | Rejection]:
    """The events of a body in order; those that can't be read are refused in their place.

    `code` is the type and the customer the subject. The subscription is the service, and the source too: ids are unique
    within it. Properties are exact, of int and Decimal.

    Raises InvalidBody when nothing of it can be read, and BatchTooLarge above `most` events.
    """
    check_parts(body, most)
    found = _bodies.read(_items(body), JSON, most)
    return [item if isinstance(item, Rejection) else _occurrence(item, index) for index, item in enumerate(found)]


def _items(body: bytes) -> bytes:
    """What is wrapped: an object or an array. One event that is no proper JSON does not hold up those beside it."""
    try:
        found = _wrapped.decode(body)
    except (ValueError, RecursionError) as error:
        array = _ARRAY.fullmatch(body)
        if array is None:
            raise InvalidBody(f"the body can't be read: {str(error)[:MAX_DETAIL]}") from error
        return array[1]
    inner = found.events if found.events is not msgspec.UNSET else found.event
    if inner is msgspec.UNSET:
        raise InvalidBody('send {"event": {…}} or {"events": [{…}, …]}')
    return bytes(inner)


def _occurrence(given: LagoEvent, index: int) -> Occurrence | Rejection:
    time = _time(given.timestamp)
    if isinstance(time, Refusal):
        return Rejection(index, time.code, time.detail)
    subject, service = given.external_customer_id or None, given.external_subscription_id or None
    if subject is None and service is None:
        return Rejection(index, "invalid_event", "`external_subscription_id` is missing")
    try:
        data = {} if bytes(given.properties) == b"null" else object_of(given.properties)
    except UnreadableError as error:
        return Rejection(index, "invalid_event", f"`properties`: {error}"[:MAX_DETAIL])
    return Occurrence(
        type=given.code,
        id=given.transaction_id,
        source=service,
        time=time,
        subject=subject,
        service=service,
        data=data,
    )


def _time(given: msgspec.Raw) -> datetime | Refusal | None:
    """Seconds since 1970, as a number or a text; finer than microseconds is cut off."""
    try:
        said = value_of(given)
        if said is None:
            return None
        seconds = str(said).strip()
        if _SECONDS.fullmatch(seconds):
            return UNIX_EPOCH + timedelta(microseconds=int(EXACT.multiply(Decimal(seconds), Decimal(1_000_000))))
    except (UnreadableError, OverflowError):
        pass  # refused below, as what has another form
    return Refusal("invalid_time", "`timestamp` is not in seconds since 1970, as in 1795160000 or 1795160000.25")


def is_single(body: bytes) -> bool:
    """Whether a body is of one event."""
    try:
        return _wrapped.decode(body).event is not msgspec.UNSET
    except (ValueError, RecursionError):
        return False


def answer(happened: Sequence[Occurrence | Rejection], now: datetime, *, alone: bool) -> bytes:
    """What Lago answers to events that it takes: the events, with the time at which one came that brought none."""
    told = [
        {
            "lago_id": None,
            "transaction_id": each.id,
            "lago_customer_id": None,
            "external_subscription_id": each.service or "",
            "code": each.type,
            "timestamp": (each.time or now).isoformat().replace("+00:00", "Z"),
            "precise_total_amount_cents": None,
            "properties": each.data,
        }
        for each in happened
        if isinstance(each, Occurrence)
    ]
    return _encode({"event": told[0]} if alone else {"events": told})


def refusal(rejected: Sequence[Rejection]) -> bytes:
    """What Lago answers where events can't be taken: each by its place in the body."""
    details: dict[str, dict[str, list[str]]] = {}
    for each in rejected:
        details.setdefault(str(each.index), {}).setdefault(each.code, []).append(each.detail)
    return _encode(
        {"status": 422, "error": "Unprocessable Entity", "code": "validation_errors", "error_details": details}
    )

"""Which of our events does something that happened make? All rules that fit, each for its meter. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec
from xxhash import xxh3_128_hexdigest

from meter.facts import ATTRIBUTE, MAX_ATTRIBUTES_BYTES, MAX_DIGITS, MAX_STRING, ONE, attribute_bytes, size_refusal
from meter.identity import time_in
from meter.mapping.event_rules import EventRule, lookup, path, text_at, text_of
from meter.mapping.route import Unmapped, among, matches
from meter.model import Event, Meter, Refusal
from meter.segments import EXACT, STORED
from meter.streams import Occurrence

QUANTITY, VALUE = "quantity", "value"
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER = 100
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Part(NamedTuple):
    """What an event counts to one meter: how much and whose; `used` are the names in its data that went into that."""

    meter: str
    quantity: Decimal
    member: str | None
    service: str | None
    dimensions: dict[str, str]
    used: frozenset[str]


def events_of(
    occurrence: Occurrence, rules: Sequence[EventRule], meters: Mapping[str, Meter]
) -> list[Event | Refusal] | Unmapped:
    """What an occurrence counts as: an event, or why there is none, for each rule that fits.

    A rule that ignores ends the search: what comes after it is not asked, so the answer may be empty. Where no rule
    fits, the type itself may name a meter: then `quantity` or `value` is the number, and what the meter declares as
    dimensions is looked for under the same names. Else it is unmapped.

    Quantities are rounded to 12 decimals. What of the data was not used becomes attributes, as far as there is room.
    """
    fitting: list[EventRule] = []
    for rule in rules:
        if fits(rule, occurrence):
            fitting.append(rule)
            if rule.ignore:
                break
    if fitting:
        return _of_rules(occurrence, [rule for rule in fitting if not rule.ignore], meters)
    meter = meters.get(occurrence.type)
    if meter is None:
        return Unmapped("no_rule", "no rule for events fits, and no meter has the name of the type; write a rule")
    return [_event(occurrence, _usual(meter, occurrence), meters)]


def _of_rules(occurrence: Occurrence, rules: Sequence[EventRule], meters: Mapping[str, Meter]) -> list[Event | Refusal]:
    """An event for each rule; where several count to one meter, all but the first bear the path of their number too."""
    found: list[Event | Refusal] = []
    seen: set[tuple[str | None, str]] = set()
    for rule in rules:
        event_id = occurrence.id
        while (rule.meter, event_id) in seen:
            event_id += f"#{rule.value or rule.type}"
        seen.add((rule.meter, event_id))
        made = _event(occurrence, _part(rule, occurrence), meters)
        found.append(made if event_id == occurrence.id or isinstance(made, Refusal) else _called(made, event_id))
    return found


def _called(event: Event, event_id: str) -> Event:
    """An event under an id made of its own, of whichever length; it has the time that its own carries."""
    carried = time_in(event.id or "")
    if 0 < len(event.id or "") <= MAX_STRING < len(event_id):
        event_id = xxh3_128_hexdigest(event_id.encode())
    return msgspec.structs.replace(event, id=event_id, time=event.time or carried)


def fits(rule: EventRule, occurrence: Occurrence) -> bool:
    """Whether a rule is about this occurrence."""
    return matches(rule.type, occurrence.type) and all(
        among(patterns, text_at(key, occurrence) or "") for key, patterns in rule.where.items()
    )


def number(value: object) -> Decimal | None:
    """A JSON number, or a text that is one; None for all else."""
    if isinstance(value, str):
        return Decimal(value) if len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return Decimal(str(value)) if isinstance(value, float) else Decimal(value)


def _part(rule: EventRule, occurrence: Occurrence) -> Part | Refusal:
    meter = rule.meter or ""
    quantity = _quantity(rule.value, occurrence.data, meter) if rule.value is not None else ONE
    if isinstance(quantity, Refusal):
        return quantity
    texts = {name: text_at(expression, occurrence) for name, expression in rule.dimensions.items()}
    dimensions = {name: text for name, text in texts.items() if text is not None and _is_dimension(text)}
    taken = [rule.value, *(rule.dimensions[name] for name in dimensions)]
    return Part(
        meter,
        _stored(quantity, rule.multiply),
        occurrence.subject if rule.member is None else text_at(rule.member, occurrence),
        occurrence.service if rule.service is None else text_at(rule.service, occurrence),
        dimensions,
        frozenset(names[0] for each in taken if each and len(names := path(each)) == 1),
    )


def _usual(meter: Meter, occurrence: Occurrence) -> Part | Refusal:
    data = occurrence.data
    name = _usual_name(meter, data)
    if isinstance(name, Refusal):
        return name
    quantity = _quantity(f"$.{name}", data, meter.slug) if name else ONE
    if isinstance(quantity, Refusal):
        return quantity
    texts = {name: text_of(data.get(name)) for name in meter.dimensions}
    dimensions = {name: text for name, text in texts.items() if text is not None and _is_dimension(text)}
    used = frozenset({*dimensions, name} if name else dimensions)
    return Part(meter.slug, _stored(quantity), occurrence.subject, occurrence.service, dimensions, used)


def _usual_name(meter: Meter, data: Mapping[str, object]) -> str | Refusal | None:
    """Which of the two names has the number. A meter that counts events needs none, and leaves `value` to its data."""
    names = (QUANTITY,) if meter.counts_events else (QUANTITY, VALUE)
    there = [name for name in names if data.get(name) is not None and name != _kept(meter)]
    if len(there) == 1:
        return there[0]
    if meter.counts_events:
        return None
    said = "both" if there else "neither"
    return Refusal("quantity_missing", f"{meter.slug}: bring `quantity` or `value` in the data; there is {said}")


def _quantity(expression: str, data: Mapping[str, object], meter: str) -> Decimal | Refusal:
    found = lookup(expression, data)
    if found is None:
        return Refusal("quantity_missing", f"there is nothing at {expression} for {meter}")
    quantity = number(found)
    if quantity is None:
        return Refusal("invalid_quantity", f"what is at {expression} for {meter} is no number")
    wrong = size_refusal(quantity)
    return Refusal(wrong.code, f"{expression} for {meter}: {wrong.detail}") if wrong else quantity


def _stored(quantity: Decimal, factor: Decimal = ONE) -> Decimal:
    """Times a factor, rounded to the decimals that are stored: senders who reckon in binary floats bring more."""
    product = EXACT.multiply(quantity, factor)
    return product if product.adjusted() >= MAX_DIGITS else EXACT.quantize(product, STORED)


def _is_dimension(text: str) -> bool:
    return len(text) <= MAX_STRING and "\0" not in text


def _event(occurrence: Occurrence, part: Part | Refusal, meters: Mapping[str, Meter]) -> Event | Refusal:
    if isinstance(part, Refusal):
        return part
    kept = _kept(meters.get(part.meter))
    left = {name: value for name, value in occurrence.data.items() if name not in part.used or name == kept}
    made = Event(
        id=occurrence.id,
        time=occurrence.time,
        meter=part.meter,
        quantity=part.quantity,
        member=part.member or None,
        service=part.service or None,
        dimensions=part.dimensions or None,
        attributes=_attributes(left) or None,
        source=occurrence.source or None,
    )
    if left and (made.attributes is None or isinstance(attribute_bytes(made), Refusal)):
        needed = {name: value for name, value in left.items() if name == kept}
        return msgspec.structs.replace(made, attributes=_attributes(needed) or None)
    return made


def _attributes(left: Mapping[str, object]) -> dict[str, object] | None:
    """Data as plain JSON, whose numbers other than whole ones are approximate; None for what would find no room."""
    try:
        text = _encode(left)
        return msgspec.json.decode(text, type=dict[str, object]) if len(text) <= MAX_ATTRIBUTES_BYTES else None
    except (ValueError, RecursionError):  # no such binary float, or nested beyond reason
        return None


def _kept(meter: Meter | None) -> str | None:
    """The attribute whose values a meter counts."""
    if meter is None or meter.unique_of is None or not meter.unique_of.startswith(ATTRIBUTE):
        return None
    return meter.unique_of.removeprefix(ATTRIBUTE)

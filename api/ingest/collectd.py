"""What collectd's write_http plugin sends in its format JSON: value lists, each of one instant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

import msgspec

from api.ingest.bodies import Bodies
from api.ingest.exact_json import check_parts
from meter.errors import BatchTooLarge, UnsupportedEncoding
from meter.facts import PG_EPOCH
from meter.identity import stream
from meter.model import Refusal, Rejection
from meter.segments import EXACT
from meter.streams import Kind, Point, Refused, Stream, Telemetry

PLAIN = "value"
Part = Annotated[str, msgspec.Meta(max_length=255)]  # collectd itself takes 127 bytes
_KINDS: dict[str, Kind] = {"gauge": "gauge", "derive": "counter", "counter": "counter", "absolute": "delta"}
_EPOCH_S = int(PG_EPOCH.timestamp())
_END_OF_TIME_S = 253_402_300_800  # the year 10000
_NO_TIME = Refusal("invalid_time", "`time` is not in seconds since 1970")
_AS_JSON = 'set `Format "JSON"` in the node of the write_http plugin'


class ValueList(msgspec.Struct, frozen=True, gc=False):
    """The values of one instant (seconds since 1970), with the type and name of each, and what they are of."""

    values: list[Decimal | None]
    dstypes: list[Literal["gauge", "derive", "counter", "absolute"]]
    dsnames: list[Part]
    time: Decimal
    host: Part
    plugin: Part
    type: Part
    plugin_instance: Part = ""
    type_instance: Part = ""


class Reading(NamedTuple):
    """One value of a list: its metric, labels sorted by name, how it is meant, and when."""

    name: str
    labels: tuple[tuple[str, str], ...]
    kind: Kind
    time_us: int
    value: Decimal


Found = Reading | Refused
_bodies = Bodies(ValueList)


def decode(body: bytes, media_type: str, most: int) -> Telemetry:
    """The streams of a body: one per source of a value list, named `plugin.type`, or `plugin.type.dsname`.

    A derive or a counter is a counter whose start is not said, an absolute is what came since the last one. A null,
    which collectd writes where it knows no value, was not measured and is left out. Times are exact. Values may be any
    numbers, but for those of counts, which are whole.

    Raises InvalidBody when nothing of it can be read, BatchTooLarge above `most` values, and UnsupportedEncoding for
    collectd's other formats.
    """
    if media_type == "text/plain" or body.lstrip()[:6] == b"PUTVAL":
        raise UnsupportedEncoding(f"this is collectd's format Command; {_AS_JSON}")
    check_parts(body, most)
    lists = _bodies.read(body, media_type, most)
    if lists and all(isinstance(item, Rejection) for item in lists) and b'"datapoints"' in body:
        raise UnsupportedEncoding(f"this is collectd's format KAIROSDB; {_AS_JSON}")
    if sum(len(item.values) for item in lists if isinstance(item, ValueList)) > most:
        raise BatchTooLarge(f"more than {most} values in one body; set a lower BufferSize")
    found = [reading for item in lists for reading in _readings(item)]
    return Telemetry(
        _streams(reading for reading in found if isinstance(reading, Reading)),
        _summed(reading for reading in found if isinstance(reading, Refused)),
        [],
    )


def _readings(item: ValueList | Rejection) -> Iterator[Found]:
    if isinstance(item, Rejection):
        yield Refused("collectd", 1, item.code, item.detail)
        return
    name, time_us = f"{item.plugin}.{item.type}", _time_us(item.time)
    wrong = _list_refusal(item, time_us)
    if wrong or time_us is None:
        yield Refused(name, len(item.values), *(wrong or _NO_TIME))
        return
    for value, dstype, dsname in zip(item.values, item.dstypes, item.dsnames, strict=True):
        if value is not None:
            yield _reading(item, name if dsname == PLAIN else f"{name}.{dsname}", dsname, dstype, time_us, value)


def _list_refusal(item: ValueList, time_us: int | None) -> Refusal | None:
    if not len(item.values) == len(item.dstypes) == len(item.dsnames):
        return Refusal("invalid_event", "`values`, `dstypes` and `dsnames` are not of one length")
    return _NO_TIME if time_us is None else None


def _reading(item: ValueList, name: str, dsname: str, dstype: str, time_us: int, value: Decimal) -> Found:
    if dstype != "gauge" and value.is_finite() and value != value.to_integral_value():
        # collectd counts in whole numbers: this is the rate that StoreRates made of a count, and says no amount
        return Refused(name, 1, "invalid_quantity", f"a {dstype} is a whole number; set `StoreRates false`")
    labels = {
        "dsname": dsname,
        "host": item.host,
        "plugin": item.plugin,
        "plugin_instance": item.plugin_instance,
        "type": item.type,
        "type_instance": item.type_instance,
    }
    return Reading(name, tuple(pair for pair in labels.items() if pair[1]), _KINDS[dstype], time_us, value)


def _time_us(seconds: Decimal) -> int | None:
    """Microseconds since 2000 of seconds since 1970; what is finer is cut off, what is no time at all is None."""
    if not seconds.is_finite() or not 0 <= seconds < _END_OF_TIME_S:
        return None
    return int(EXACT.multiply(seconds, Decimal(1_000_000))) - _EPOCH_S * 1_000_000


def _streams(readings: Iterable[Reading]) -> list[Stream]:
    points: dict[tuple[str, tuple[tuple[str, str], ...], Kind], list[Point]] = {}
    for reading in readings:
        points.setdefault(reading[:3], []).append(Point(reading.time_us, reading.value))
    return [
        Stream(name, dict(labels), stream("collectd", name, PLAIN, _packed(labels)), kind, found)
        for (name, labels, kind), found in points.items()
    ]


def _packed(labels: tuple[tuple[str, str], ...]) -> list[bytes]:
    return [part.encode() for pair in labels for part in pair]


def _summed(refused: Iterable[Refused]) -> list[Refused]:
    """One line per metric and reason, however many of its values are refused for it."""
    points: Counter[tuple[str, str, str]] = Counter()
    for name, count, code, detail, _ in refused:
        points[name, code, detail] += count
    return [Refused(name, count, code, detail) for (name, code, detail), count in points.items()]

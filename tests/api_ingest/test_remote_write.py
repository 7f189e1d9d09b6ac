"""Prometheus remote write: what real senders sent, each rule, and whatever else may arrive."""

from __future__ import annotations

import math
import random
import struct
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ingest.remote_write import MOST_LABELS, RemoteWrite, decode, read
from meter.errors import BatchTooLarge, InvalidBody, UnsupportedEncoding
from meter.event_codes import EVENT_CODES
from meter.facts import PG_EPOCH, instant
from meter.identity import UNIX_EPOCH
from meter.streams import REPLICA_LABELS, Point, Stream
from tests.api_ingest.captures import capture, recordings
from tests.api_ingest.protobuf import Value, message, number_at, repeated, texts
from tests.api_ingest.remote_write_requests import (
    COUNTER,
    GAUGE,
    GAUGE_HISTOGRAM,
    HISTOGRAM,
    RW1,
    RW2,
    STALE,
    START_MS,
    SUMMARY,
    TIME_MS,
    request_1,
    request_2,
    sample,
)

MOST = 5_000
EPOCH_US = (PG_EPOCH - UNIX_EPOCH).days * 86_400_000_000
YEAR_10000_MS = 253_402_300_800_000
TIME_US, START_US = TIME_MS * 1_000 - EPOCH_US, START_MS * 1_000 - EPOCH_US


def series_of(body: bytes, version: int) -> Iterator[tuple[str, bytes]]:
    """Walk over the series of a request, with their names."""
    if version == 1:
        for series in repeated(body, 1):
            labels = {key: "".join(texts(label, 2)) for label in repeated(series, 1) for key in texts(label, 1)}
            yield labels["__name__"], series
        return
    symbols = texts(body, 4)
    for series in repeated(body, 5):
        (packed,) = repeated(series, 1)
        refs, at = [], 0
        while at < len(packed):
            ref, at = number_at(packed, at)
            refs.append(ref)
        yield symbols[refs[refs.index(symbols.index("__name__")) + 1]], series


def value_of(sample: bytes) -> float:
    """Answer the value of a sample: zero is left out."""
    found: float = struct.unpack("<d", (repeated(sample, 1) or [bytes(8)])[0])[0]
    return found


@recordings("rw")
def test_what_senders_sent_adds_up(recording: str) -> None:
    """Every sample is there, and by metric they come to what another reader finds."""
    body, media_type, _ = capture(recording)
    version = 2 if media_type == RW2 else 1
    samples = [(name, value_of(each)) for name, series in series_of(body, version) for each in repeated(series, 2)]
    good = [(name, value if math.isfinite(value) else 0.0) for name, value in samples]
    found = read(body, media_type, MOST)
    assert found.version == version
    values = [
        (stream.name, each.value if each.value is not None and each.value.is_finite() else 0)
        for stream in found.telemetry.streams
        for each in stream.points
    ]
    assert found.samples == len(values) == len(good)
    assert Counter(name for name, _ in values) == Counter(name for name, _ in good)
    added, expected = (
        {name: sum(float(value) for each, value in pairs if each == name) for name, _ in pairs}
        for pairs in (values, good)
    )
    assert added == pytest.approx(expected)
    assert found.telemetry.refused == []
    described = repeated(body, 3) if version == 1 else []
    assert len(found.telemetry.described) >= len({text for each in described for text in texts(each, 2)})


def test_kinds_that_senders_tell() -> None:
    """Prometheus says them where it keeps metadata."""
    with_metadata = decode(*capture("rw2-prometheus3.5.3-metadata-wal-records")[:2], MOST)
    assert {each.kind for each in with_metadata.streams} >= {"counter", "gauge"}
    kinds = {each.name: each.kind for each in with_metadata.described}
    assert kinds
    without = decode(*capture("rw2-prometheus3.5.3-default")[:2], MOST)
    assert {each.kind for each in without.streams} == {"unknown"}
    assert without.described == []


# Each rule, in both versions.


def sent(media_type: str, *rest: tuple[int, Value], **labels: str) -> RemoteWrite:
    """Read a request of one series, named m."""
    make = request_1 if media_type == RW1 else request_2
    return read(make(({"__name__": "m", **labels}, list(rest))), media_type, MOST)


def one(media_type: str, *rest: tuple[int, Value], **labels: str) -> Stream:
    """Answer the only stream that comes of a series."""
    found = sent(media_type, *(rest or (sample(),)), **labels).telemetry
    assert found.refused == []
    (stream,) = found.streams
    return stream


def refusal(media_type: str, *rest: tuple[int, Value]) -> str:
    """Answer the code under which the only point of a series is refused."""
    found = sent(media_type, *rest)
    assert (found.telemetry.streams, found.samples, found.histograms) == ([], 0, 0)
    (refused,) = found.telemetry.refused
    assert (refused.name, refused.points) == ("m", 1)
    return refused.code


versions = pytest.mark.parametrize("media_type", [RW1, RW2])


@versions
def test_a_sample(media_type: str) -> None:
    """A name, labels but for it, a number, a time; how it is meant is not said."""
    stream = one(media_type, sample(0.1), job="node", cpu="0")
    assert (stream.name, stream.kind, stream.field, stream.start_us) == ("m", "unknown", "value", None)
    assert list(stream.labels.items()) == [("cpu", "0"), ("job", "node")]
    assert stream.points == [Point(TIME_US, Decimal("0.1"))]
    assert len(stream.identity) == 16


@versions
def test_points_of_one_stream_come_together(media_type: str) -> None:
    """In their order, across series of the same labels."""
    make = request_1 if media_type == RW1 else request_2
    first, second = [sample(1.0), sample(2.0, TIME_MS + 1)], [sample(3.0, TIME_MS + 2)]
    found = read(make(({"__name__": "m", "a": "b"}, first), ({"a": "b", "__name__": "m"}, second)), media_type, 3)
    (stream,) = found.telemetry.streams
    assert [each.value for each in stream.points] == [1, 2, 3]
    assert found.samples == 3


@versions
def test_the_mark_of_an_end(media_type: str) -> None:
    """One NaN of all says that the series has ended; it is a sample that is written."""
    assert one(media_type, sample(STALE)).points == [Point(TIME_US, None)]
    assert sent(media_type, sample(STALE)).samples == 1
    nan = struct.unpack("<d", bytes.fromhex("010000000000f87f"))[0]
    for value in (nan, math.inf, -math.inf, -1.0):  # refused only where a rule would have them counted
        (found,) = one(media_type, sample(value)).points
        assert str(found.value) == str(Decimal(repr(value)))


@versions
def test_times(media_type: str) -> None:
    """Of points and starts, up to the year 9999: what comes later is no time that anything here can hold."""
    for time in (0, -1, 2**63 - 1, YEAR_10000_MS):
        assert refusal(media_type, sample(time=time)) == "invalid_time"
    last = YEAR_10000_MS - 1
    assert instant(one(media_type, sample(time=last)).points[0].time_us).year == 9999
    assert refusal(RW2, sample(start=YEAR_10000_MS)) == refusal(RW2, sample(), (6, YEAR_10000_MS)) == "invalid_time"
    assert instant(one(RW2, sample(start=last)).start_us or 0).year == 9999


@versions
@pytest.mark.parametrize(("count", "expected"), [((1, 7), Decimal(7)), ((2, 7.5), Decimal("7.5"))])
def test_native_histograms(media_type: str, count: tuple[int, Value], expected: Decimal) -> None:
    """Two streams that count, or are levels where a histogram says so; one mark of an end ends both."""
    place = 4 if media_type == RW1 else 3
    made = sent(media_type, (place, message(count, (3, 1.5), (15, TIME_MS))))
    assert (made.samples, made.histograms) == (0, 1)
    values = [(each.field, each.kind, each.points) for each in made.telemetry.streams]
    assert values == [
        ("sum", "counter", [Point(TIME_US, Decimal("1.5"))]),
        ("count", "counter", [Point(TIME_US, expected)]),
    ]
    level = sent(media_type, (place, message(count, (3, 1.5), (14, 3), (15, TIME_MS)))).telemetry
    assert {each.kind for each in level.streams} == {"gauge"}
    ended = sent(media_type, (place, message(count, (3, STALE), (15, TIME_MS)))).telemetry
    assert [each.points for each in ended.streams] == [[Point(TIME_US, None)]] * 2
    below = sent(media_type, (place, message(count, (3, -1.5), (15, TIME_MS))))
    assert [each.points[0].value for each in below.telemetry.streams] == [Decimal("-1.5"), expected]


@versions
def test_identity(media_type: str) -> None:
    """Name and labels in any order; not the replica; the same in both versions."""
    base = one(media_type, a="1", b="2")
    assert one(media_type, b="2", a="1").identity == base.identity
    assert one(RW1, a="1", b="2").identity == one(RW2, a="1", b="2").identity
    assert one(media_type, a="1", b="2", empty="").identity == base.identity
    for label in REPLICA_LABELS:
        replica = one(media_type, a="1", b="2", **{label: "r1"})
        assert replica.identity == base.identity
        assert replica.labels[label] == "r1"
    others = [one(media_type, a="1"), one(media_type, a="2", b="1"), one(media_type, a="1b2")]
    assert len({base.identity, *(each.identity for each in others)}) == 4


@versions
def test_series_without_a_name(media_type: str) -> None:
    """Are refused, the others are kept."""
    make = request_1 if media_type == RW1 else request_2
    found = read(make(({"a": "b"}, [sample(), sample()]), ({"__name__": "m"}, [sample()])), media_type, MOST)
    assert [(each.code, each.points) for each in found.telemetry.refused] == [("invalid_event", 2)]
    assert [each.name for each in found.telemetry.streams] == ["m"]
    assert found.samples == 1


@versions
def test_series_with_too_many_labels(media_type: str) -> None:
    """Are refused."""
    found = sent(media_type, sample(), **{f"l{n}": "x" for n in range(MOST_LABELS)}).telemetry
    assert [(each.code, each.points) for each in found.refused] == [("invalid_event", 1)]


@versions
def test_exemplars_are_counted(media_type: str) -> None:
    """Not read, so that they may be anything."""
    place = 3 if media_type == RW1 else 4
    assert sent(media_type, sample(), (place, b"\xff"), (place, b"")).exemplars == 2


def test_metadata_of_the_first_version() -> None:
    """Comes apart from the series."""
    types = {COUNTER: "counter", GAUGE: "gauge", HISTOGRAM: "unknown", SUMMARY: "unknown", 0: "unknown", 99: "unknown"}
    body = message(*((3, message((1, each), (2, f"m{each}"), (4, "help"), (5, "s"))) for each in types), (3, b""))
    found = decode(body, RW1, MOST)
    assert found.described == [(f"m{each}", kind, "s", "help") for each, kind in types.items()]
    assert found.streams == []


@pytest.mark.parametrize(
    ("metric_type", "name", "kind"),
    [
        (0, "m_total", "unknown"),
        (COUNTER, "m_total", "counter"),
        (GAUGE, "m", "gauge"),
        (HISTOGRAM, "m_bucket", "counter"),
        (HISTOGRAM, "m_sum", "counter"),
        (SUMMARY, "m_count", "counter"),
        (SUMMARY, "m", "unknown"),
        (GAUGE_HISTOGRAM, "m_sum", "unknown"),
        (7, "m", "unknown"),
    ],
)
def test_metadata_of_the_second_version(metric_type: int, name: str, kind: str) -> None:
    """Comes with each series: how it is meant, its unit, since when it counts; a level has no start."""
    metadata = (5, message((1, metric_type), (3, 1), (4, 2)))
    labels = [0, 3, 4]
    body = message(
        *((4, text) for text in ("", "help", "s", "__name__", name)),
        (5, message((1, labels[1:]), sample(), metadata, (6, START_MS))),
    )
    found = decode(body, RW2, MOST)
    (stream,) = found.streams
    assert (stream.kind, stream.unit) == (kind, "s")
    assert stream.start_us == (None if kind == "gauge" else START_US)
    assert found.described == [(name, kind, "s", "help")]


def test_starts_of_samples() -> None:
    """A sample's own start wins over that of its series; another start is another stream of the same identity."""
    found = sent(RW2, sample(start=START_MS + 1), sample(), (6, START_MS)).telemetry
    assert [each.start_us for each in found.streams] == [START_US + 1_000, START_US]
    assert found.streams[0].identity == found.streams[1].identity
    assert refusal(RW2, sample(start=-1)) == "invalid_time"
    histogram = (3, message((1, 1), (3, 1.0), (15, TIME_MS), (17, START_MS)))
    assert {each.start_us for each in sent(RW2, histogram).telemetry.streams} == {START_US}


def test_symbols_that_are_wrong() -> None:
    """Refuse the series that use them; others are kept, and a bad place of a text loses no usage."""
    symbols = [(4, text) for text in ("", "__name__", "m")]
    refs: list[list[int]] = [[1], [1, 2, 0], [1, 3], [1, 2**31]]
    bad = [(5, message((1, each), sample())) for each in refs]
    good = (5, message((1, [1, 2]), sample(), (5, message((1, COUNTER), (3, 99), (4, 99)))))
    found = decode(message(*symbols, *bad, good), RW2, MOST)
    assert [(each.code, each.points) for each in found.refused] == [("invalid_event", len(bad))]
    assert [(each.name, each.kind, each.unit) for each in found.streams] == [("m", "counter", "")]
    assert [each.detail for each in decode(message(*symbols[1:], (5, message((1, [0, 1]), sample()))), RW2, 9).refused]


def test_labels_that_come_twice() -> None:
    """Count once: the last one."""
    labels = [(1, message((1, key), (2, value))) for key, value in (("a", "1"), ("__name__", "m"), ("a", "2"))]
    (stream,) = decode(message((1, message(*labels, sample()))), RW1, MOST).streams
    assert stream.labels == {"a": "2"}


# Whatever else may arrive.


def test_media_types() -> None:
    """Say the version; other messages and media types are not read."""
    for name in (RW1, f"{RW1}; proto=prometheus.WriteRequest", f'Application/X-Protobuf;a=b; Proto="{RW2[29:]}"'):
        assert read(b"", name, 1).version == (2 if "v2" in name else 1)
    for name in ("", "application/json", "application/protobuf", f"{RW1};proto=io.prometheus.write.v3.Request"):
        with pytest.raises(UnsupportedEncoding, match="WriteRequest"):
            decode(b"", name, 1)


@versions
def test_too_many_samples(media_type: str) -> None:
    """As many as are allowed, and one more; histograms count too."""
    make = request_1 if media_type == RW1 else request_2
    histogram = (4 if media_type == RW1 else 3, message((1, 1), (3, 1.0), (15, TIME_MS)))
    body = make(({"__name__": "m"}, [sample(), sample()]), ({"__name__": "n"}, [histogram]))
    assert read(body, media_type, 3).samples == 2
    with pytest.raises(BatchTooLarge, match="2 points"):
        decode(body, media_type, 2)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"\x0a\x00" * 1_000_000, RW1),  # series
        (b"\x1a\x00" * 1_000_000, RW1),  # metadata
        (b"\x22\x00" * 1_000_000, RW2),  # symbols
        (b"\x2a\x00" * 1_000_000, RW2),  # series
        (message((1, b"\x0a\x00" * 1_000_000)), RW1),  # labels
        (message((1, b"\x12\x00" * 1_000_000)), RW1),  # samples
        (message((5, b"\x12\x00" * 1_000_000)), RW2),
        (message((5, b"\x12\x00" * 500_000)), RW2),  # within the bound of a part
    ],
)
def test_empty_parts_take_no_memory(body: bytes, media_type: str) -> None:
    """Two bytes can stand for a message of a hundred: there is an end before they are made."""
    tracemalloc.start()
    with pytest.raises(BatchTooLarge):
        decode(body, media_type, MOST)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * len(body) + 15_000_000


@versions
@pytest.mark.parametrize("body", [b"\x0a", b"\x0a\x05", b"\x2a\x01\xff", b"\x0a\x01\xff", b"\x0b", b"\x22\x01\xff"])
def test_what_is_no_message(media_type: str, body: bytes) -> None:
    """Cut short, of no known form, texts that are none; what is of the other version is not known here."""
    known = media_type == RW2 or body[:1] not in (b"\x2a", b"\x22")
    if known and not (media_type == RW2 and body == b"\x0a\x01\xff"):
        with pytest.raises(InvalidBody):
            decode(body, media_type, MOST)


def example(media_type: str) -> bytes:
    """Write a request with a bit of everything."""
    make = request_1 if media_type == RW1 else request_2
    histogram = (4 if media_type == RW1 else 3, message((1, 1), (3, 1.0), (15, TIME_MS)))
    metadata = [] if media_type == RW1 else [(5, message((1, COUNTER), (3, 1), (4, 2)))]
    series = make(({"__name__": "m", "a": "b"}, [sample(), sample(STALE), *metadata]), ({"__name__": "n"}, [histogram]))
    return series + (message((3, message((1, 1), (2, "m")))) if media_type == RW1 else b"")


def survives(body: bytes, media_type: str) -> None:
    """Decode anything: telemetry that holds together, or a refusal."""
    try:
        found = read(body, media_type, 50)
    except (InvalidBody, BatchTooLarge):
        return
    points = [each for stream in found.telemetry.streams for each in stream.points]
    assert len(points) == found.samples + 2 * found.histograms
    assert all(each.value is None or type(each.value) is Decimal for each in points)
    assert all(abs(each.time_us) < 2**63 for each in points)
    assert all(each.code in EVENT_CODES and each.points > 0 for each in found.telemetry.refused)


@versions
def test_bodies_cut_anywhere(media_type: str) -> None:
    """Every length: never anything but a refusal, or what the rest still says."""
    whole = example(media_type)
    for end in range(len(whole)):
        survives(whole[:end], media_type)


@versions
def test_bodies_with_flipped_bits(media_type: str) -> None:
    """Some thousands of flips, one to three at once."""
    dice = random.Random(11)  # noqa: S311 - a seed makes a failure come back
    whole = example(media_type)
    for _ in range(4_000):
        body = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
        survives(bytes(body), media_type)


@versions
@given(body=st.binary(max_size=200))
def test_any_bytes(media_type: str, body: bytes) -> None:
    """Whatever they are."""
    survives(body, media_type)

"""Small bodies that would become large: shared texts are not copied for each series, and not hashed for each point."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence

import pytest

from api.ingest import otlp
from api.ingest.otlp import JSON
from api.ingest.remote_write import LONGEST_LABELS, decode
from meter import identity
from meter.streams import MOST_LABELS, REPLICA_LABELS, Telemetry
from tests.api_ingest.otlp_requests import TIME, attributes, document, media_types, point, total, written
from tests.api_ingest.protobuf import message
from tests.api_ingest.remote_write_requests import RW1, RW2, request_1, request_2, sample

MOST = 5_000
MEGABYTE = 1_000_000


def symbols(long: str, series: Sequence[list[int]], *short: str) -> bytes:
    """Write a request of 2.0 whose fourth symbol is long; each of its series is of m, and of some other symbols."""
    texts = ("", "__name__", "m", long, *short)
    return message(*((4, text) for text in texts), *((5, message((1, [1, 2, *refs]), sample())) for refs in series))


def measured(body: bytes) -> tuple[Telemetry, int]:
    """Decode a request of 2.0, and answer how much memory that took at most."""
    tracemalloc.start()
    found = decode(body, RW2, MOST)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return found, peak


def test_a_symbol_that_a_series_repeats() -> None:
    """The series is refused, and takes no memory; the others are kept."""
    names = [f"l{number}" for number in range(1_000)]
    bomb = [ref for place in range(len(names)) for ref in (4 + place, 3)]
    body = symbols("a" * MEGABYTE, [bomb, [4, 4]], *names)
    found, peak = measured(body)
    assert [(each.code, each.points) for each in found.refused] == [("invalid_event", 1)]
    assert f"more than {LONGEST_LABELS} characters" in found.refused[0].detail
    assert [each.labels for each in found.streams] == [{"l0": "l0"}]
    assert peak < 5 * len(body)


def test_a_symbol_that_many_series_have() -> None:
    """Each may have it, which is within the bound; of the text there is one."""
    names = [str(number) for number in range(2_000)]
    body = symbols("a" * 60_000, [[4 + place, 3] for place in range(len(names))], *names)
    found, peak = measured(body)
    assert len({each.identity for each in found.streams}) == len(names)
    assert peak < 10 * MEGABYTE


@pytest.mark.parametrize(("media_type", "make"), [(RW1, request_1), (RW2, request_2)])
def test_labels_up_to_their_bound(media_type: str, make: type[object]) -> None:
    """All labels together, names too."""
    for more, kept in ((0, 1), (1, 0)):
        labels = {"__name__": "m", "a": "x" * (LONGEST_LABELS - 1 + more)}
        found = decode(make((labels, [sample()])), media_type, MOST)  # type: ignore[arg-type, call-arg]
        assert (len(found.streams), len(found.refused)) == (kept, 1 - kept)


def test_a_long_resource_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for each of its points, which would be gigabytes; nor is it copied for each."""
    hashed: list[int] = []

    def counting(protocol: str, name: str, field: str, told_apart: Sequence[bytes]) -> bytes:
        hashed.append(sum(map(len, told_apart)))
        return identity.stream(protocol, name, field, told_apart)

    monkeypatch.setattr(otlp, "stream", counting)
    resource = attributes(**{f"k{number}": "v" * 1_000 for number in range(1_000)})
    points = [point(attributes=attributes(i=number)) for number in range(2_000)]
    body = json.dumps(document(total(*points), resource=resource)).encode()
    tracemalloc.start()
    found = otlp.decode(body, JSON, MOST)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len({each.identity for each in found.streams}) == len(hashed) == 2_000
    assert sum(hashed) < 100 * len(hashed)
    assert max(len(each.labels) for each in found.streams) == MOST_LABELS + 1
    assert peak < 30 * len(body)


@media_types
@pytest.mark.parametrize("label", REPLICA_LABELS)
def test_replicas_of_otlp(media_type: str, label: str) -> None:
    """Are told by attributes of point, scope or resource; they are one stream, and in one body apart."""
    named = [attributes(**{"a": "1", label: name}) for name in "xy"]
    bare = attributes(a="1")

    def read(request: object) -> Telemetry:
        return otlp.decode(written(request, media_type), media_type, MOST)  # type: ignore[arg-type]

    for base, replicas in (
        (document(total(point(attributes=bare))), [document(total(point(attributes=each))) for each in named]),
        (document(total(point()), resource=bare), [document(total(point()), resource=each) for each in named]),
    ):
        (plain,) = read(base).streams
        for request, name in zip(replicas, "xy", strict=True):
            (found,) = read(request).streams
            assert (found.identity, found.labels) == (plain.identity, {"a": "1", label: name})
    both = total(*(point(attributes=each, timeUnixNano=str(TIME + n)) for n, each in enumerate(named)))
    streams = read(document(both)).streams
    assert [(each.identity, each.labels[label], len(each.points)) for each in streams] == [
        (streams[0].identity, name, 1) for name in "xy"
    ]


@pytest.mark.parametrize(("media_type", "make"), [(RW1, request_1), (RW2, request_2)])
def test_replicas_of_remote_write_in_one_body(media_type: str, make: type[object]) -> None:
    """Stay apart until it is known whose turn it is."""
    series = [({"__name__": "m", "__replica__": name}, [sample()]) for name in "xy"]
    first, second = decode(make(*series), media_type, MOST).streams  # type: ignore[arg-type]
    assert first.identity == second.identity
    assert (first.labels["__replica__"], second.labels["__replica__"]) == ("x", "y")

"""Resource samples: allocated size and what of it was used, as one fact."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.ingest import samples
from api.ingest.samples import Sample, event_of
from meter import facts
from meter.errors import BatchTooLarge, InvalidBody
from meter.event_codes import EVENT_CODES
from meter.facts import Defaults, Horizon, microseconds
from meter.model import Event, Meter, Refusal, Rejection

JSON = "application/json"
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
HORIZON = Horizon(microseconds(datetime(2020, 1, 1, tzinfo=UTC)), microseconds(NOW))
CPU = {
    "user_id": "u",
    "service_id": "s",
    "timestamp": "2026-11-20T09:00:00Z",
    "cpu_cores": 4,
    "cpu_usage_percent": 62.5,
    "duration_seconds": 30,
}
MEMORY = {
    "user_id": "u",
    "service_id": "s",
    "timestamp": "2026-11-20T09:00:00Z",
    "memory_mb": 2048,
    "memory_usage_percent": 50,
    "duration_seconds": 30,
}
METERS = {
    slug: Meter(
        1,
        slug,
        slug,
        "unit",
        "time_weighted",
        Decimal(1024 if slug.startswith("memory") else 1),
        Decimal(3600),
        per_month=False,
        billable=True,
        dimensions=frozenset({"region"}),
    )
    for slug in ("cpu", "cpu.used", "memory", "memory.used")
}


def one(*changes: dict[str, Any], drop: tuple[str, ...] = ()) -> Event | Rejection:
    """Decode one sample made of parts."""
    merged = {name: value for part in changes for name, value in part.items() if name not in drop}
    (found,) = samples.decode(json.dumps([merged]).encode(), JSON, 1)
    return found


def test_the_shapes_of_the_sources_are_taken_as_they_are() -> None:
    """CPU in cores, memory in GB; the percentage is a level of its own."""
    common = {"time": NOW, "member": "u", "service": "s", "duration_seconds": Decimal(30)}
    assert one(CPU) == Event(quantities={"cpu": Decimal(4), "cpu.used": Decimal("2.5")}, **common)  # type: ignore[arg-type]
    assert one(MEMORY) == Event(quantities={"memory": Decimal(2), "memory.used": Decimal(1)}, **common)  # type: ignore[arg-type]
    both = one(CPU, MEMORY, {"id": "x", "dimensions": {"region": "eu"}})
    assert isinstance(both, Event)
    assert list(both.quantities or ()) == ["cpu", "cpu.used", "memory", "memory.used"]
    assert (both.id, both.dimensions) == ("x", {"region": "eu"})


def test_a_size_without_a_percentage_is_enough() -> None:
    """What is not measured is not made up."""
    found = one(CPU, drop=("cpu_usage_percent",))
    assert isinstance(found, Event)
    assert found.quantities == {"cpu": Decimal(4)}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"cpu_cores": None}, "invalid_event"),
        ({"cpu_cores": None, "cpu_usage_percent": None}, "invalid_event"),
        ({"memory_usage_percent": 5}, "invalid_event"),
        ({"timestamp": None}, "invalid_time"),
        ({"timestamp": "today"}, "invalid_time"),
        ({"duration_seconds": None}, "invalid_duration"),
        ({"duration_seconds": "long"}, "invalid_duration"),
        ({"user_id": None}, "invalid_event"),
        ({"cpu_cores": "four"}, "invalid_event"),
        ({"meter": "cpu"}, "invalid_event"),
    ],
)
def test_samples_that_are_refused(changes: dict[str, Any], code: str) -> None:
    """In their place, with a code."""
    found = one(CPU, changes)
    assert isinstance(found, Rejection)
    assert (found.index, found.code) == (0, code)


@pytest.mark.parametrize("field", ["user_id", "service_id", "timestamp", "duration_seconds"])
def test_what_a_sample_must_bring(field: str) -> None:
    """Who, what, when and for how long."""
    found = one(CPU, drop=(field,))
    assert isinstance(found, Rejection)
    assert field in found.detail


def test_the_good_ones_are_kept_in_order() -> None:
    """Refusals of the reader and of the sample's own rules, each in its place."""
    body = [CPU, {**CPU, "cpu_cores": None}, MEMORY, {"user_id": 5}, {**CPU, "id": "last"}]
    found = samples.decode(json.dumps(body).encode(), JSON, 5)
    assert [item.index if isinstance(item, Rejection) else None for item in found] == [None, 1, None, 3, None]
    assert isinstance(found[4], Event)
    assert found[4].id == "last"


def test_problems_pass_through() -> None:
    """What the reader of bodies raises."""
    with pytest.raises(InvalidBody):
        samples.decode(b"nonsense", JSON, 1)
    with pytest.raises(BatchTooLarge):
        samples.decode(b"[{}, {}]", JSON, 1)


sizes = st.one_of(
    st.integers(0, 10**30).map(lambda digits: Decimal(f"{digits}E-12")),
    st.builds(lambda digits, exponent: Decimal(f"{digits}E{exponent}"), st.integers(-9, 10**30), st.integers(-99, 99)),
    st.sampled_from(
        [Decimal(text) for text in ("NaN", "sNaN", "Infinity", "-0", "1E+999999", "1E-999999", "0E-999999")]
    ),
    st.decimals(),
)


def sample(**fields: Decimal | None) -> Sample:
    """Make a sample of half a minute."""
    return Sample("u", "s", NOW, Decimal(30), **fields)  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(sizes, st.none() | sizes, st.none() | sizes, st.none() | sizes)
@example(Decimal("9E+25"), Decimal("9E+25"), None, None)
@example(Decimal(1), None, Decimal("9E+25"), Decimal("1E+25"))
@example(Decimal("1E-12"), Decimal("1E-12"), Decimal("0E-999999"), Decimal(0))
def test_no_number_raises(
    cores: Decimal, percent: Decimal | None, mb: Decimal | None, mb_percent: Decimal | None
) -> None:
    """Whatever the numbers: an event whose quantities the next check can judge, or a rejection."""
    made = event_of(
        sample(cpu_cores=cores, cpu_usage_percent=percent, memory_mb=mb, memory_usage_percent=mb_percent), 3
    )
    if isinstance(made, Rejection):
        assert (made.index, made.code) == (3, "invalid_event")
        return
    found = facts.rows(made, 3, METERS, HORIZON, Defaults(None, None, {}))
    assert found if isinstance(found, list) else found.code in EVENT_CODES


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**15), st.integers(0, 10**4))
def test_megabytes_are_stored_exactly(thousandths: int, percent: int) -> None:
    """GB with ten decimals more, and back to MB-seconds without a loss; used to the twelfth decimal."""
    mb = Decimal(thousandths).scaleb(-3)
    made = event_of(sample(memory_mb=mb, memory_usage_percent=Decimal(percent).scaleb(-2)), 0)
    assert isinstance(made, Event)
    found = facts.rows(made, 0, METERS, HORIZON, Defaults(None, None, {}))
    if isinstance(found, Refusal):
        pytest.fail(found.detail)
    allocated, used = (
        sum((Fraction(row.quantity) for row in found if row.series.meter == slug), Fraction(0))
        for slug in ("memory", "memory.used")
    )
    assert allocated == Fraction(mb) * 30
    assert abs(used - allocated * percent / 10**4) <= Fraction(1024 * 30, 10**12)


def test_a_retry_of_a_sample_is_the_same_event() -> None:
    """Without an id, the content names it, whichever way its numbers are written in JSON's order."""
    turned = dict(reversed(list(CPU.items())))
    assert one(CPU) == one(turned)

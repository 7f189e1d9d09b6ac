"""Meters, instants and numbers that the tests of facts and of their fast path share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st
from msgspec import structs

from meter.facts import Defaults, Horizon, microseconds
from meter.model import Meter
from meter.streams import Field, Kind, Stream

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HORIZON = Horizon(microseconds(NOW - timedelta(days=3660)), microseconds(NOW + timedelta(minutes=5)))
NOBODY = Defaults(None, None, {})
ONE = Decimal(1)


def meter(slug: str, aggregation: str = "sum", scale: int = 1, divisor: int = 1, *, per_month: bool = False) -> Meter:
    """Make a meter with two dimensions."""
    declared = frozenset({"model", "region"})
    return Meter(
        1,
        slug,
        slug,
        "unit",
        aggregation,
        Decimal(scale),
        Decimal(divisor),
        per_month,
        billable=True,
        dimensions=declared,
        per=None if aggregation != "time_weighted" else "month" if per_month else "hour",
    )


METERS = {
    made.slug: made
    for made in (
        structs.replace(meter("requests"), billable_statuses=("2xx", "404", "done")),
        structs.replace(
            meter("calls", "count"), billable_statuses=("2xx",), dimensions=frozenset({"model", "region", "status"})
        ),
        structs.replace(meter("people", "unique"), unique_of="member"),
        structs.replace(meter("sessions", "unique"), unique_of="attributes.session"),
        structs.replace(meter("slowest", "percentile"), percentile=Decimal(95)),
        meter("depth", "latest"),
        structs.replace(meter("old"), archived_at=NOW),
        meter("tokens.input"),
        meter("response_time", "average"),
        meter("cpu", "time_weighted", 1, 3600),
        meter("memory", "time_weighted", 1024, 1024 * 3600),
        meter("storage", "time_weighted", per_month=True),
    )
}


def numbers() -> st.SearchStrategy[Decimal]:
    """Make numbers of all kinds, with exponents as absurd as the type allows."""
    digits = st.integers(-(10**60), 10**60)
    exponent = st.one_of(st.integers(-40, 40), st.integers(-999_999, 999_999))
    built = st.tuples(digits, exponent).map(lambda pair: Decimal(f"{pair[0]}E{pair[1]}"))
    return st.one_of(built, st.decimals(), st.sampled_from([Decimal("sNaN"), Decimal("-0"), Decimal("0E-999999")]))


def stream(name: str, kind: Kind = "counter", field: Field = "value", /, **labels: str) -> Stream:
    """Make a stream without points; of its labels' names __ is a dot."""
    named = {label.replace("__", "."): value for label, value in labels.items()}
    return Stream(name, named, b"i" * 16, kind, [], field)

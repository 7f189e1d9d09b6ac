"""Events to rows: every reason to refuse, and exact amounts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meter import facts
from meter.event_codes import EVENT_CODES
from meter.facts import Defaults, Row, instant, microseconds
from meter.identity import hashed
from meter.model import Event, Refusal
from tests.meter.cast import HORIZON, METERS, NOBODY, NOW, ONE, numbers


def event(**fields: Any) -> Event:
    """Make an event of one request, with what differs."""
    return msgspec.structs.replace(Event(id="e1", time=NOW, meter="requests", quantity=ONE), **fields)


def refused(made: Event, defaults: Defaults = NOBODY) -> str | None:
    """Answer the code with which an event is refused, by itself or for its series."""
    found = facts.rows(made, 0, METERS, HORIZON, defaults)
    if isinstance(found, Refusal):
        return found.code
    return next((why.code for row in found if (why := facts.series_refusal(row.series, METERS))), None)


def accepted(made: Event, defaults: Defaults = NOBODY) -> list[Row]:
    """Answer the rows of an event that must be taken."""
    found = facts.rows(made, 0, METERS, HORIZON, defaults)
    assert isinstance(found, list), found
    return found


def nested(depth: int) -> dict[str, object]:
    """Make attributes that nest."""
    inner: object = 1
    for _ in range(depth - 1):
        inner = [inner]
    return {"a": inner}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"id": None, "time": None}, "identity_missing"),
        ({"id": ""}, "string_too_long"),
        ({"id": "x" * 513}, "string_too_long"),
        ({"id": "a\0b"}, "string_too_long"),
        ({"source": ""}, "string_too_long"),
        ({"source": "x" * 513}, "string_too_long"),
        ({"source": "\0"}, "string_too_long"),
        ({"time": NOW.replace(tzinfo=None)}, "invalid_time"),
        ({"time": NOW + timedelta(minutes=5, microseconds=1)}, "time_in_future"),
        ({"time": NOW - timedelta(days=3660, microseconds=1)}, "too_late"),
        ({"time": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))}, "too_late"),
        ({"time": datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-timedelta(hours=14)))}, "time_in_future"),
        ({"meter": None}, "quantity_missing"),
        ({"quantity": None}, "quantity_missing"),
        ({"meter": None, "quantity": None}, "quantity_missing"),
        ({"quantities": {"requests": ONE}}, "quantity_missing"),
        ({"meter": None, "quantities": {"requests": ONE}}, "quantity_missing"),
        ({"meter": None, "quantity": None, "quantities": {}}, "quantity_missing"),
        ({"meter": "nonsense"}, "unknown_meter"),
        ({"meter": ""}, "unknown_meter"),
        ({"meter": "nonsense", "duration_seconds": ONE}, "unknown_meter"),
        ({"dimensions": {"colour": "red"}}, "undeclared_dimension"),
        ({"dimensions": {f"d{number}": "x" for number in range(17)}}, "too_many_dimensions"),
        ({"dimensions": {"model": ""}}, "string_too_long"),
        ({"dimensions": {"model": "x" * 201}}, "string_too_long"),
        ({"member": ""}, "string_too_long"),
        ({"member": "x" * 201}, "string_too_long"),
        ({"service": "a\0"}, "string_too_long"),
        ({"attributes": {"a": "\0"}}, "string_too_long"),
        ({"attributes": {"a": "x" * 8192}}, "string_too_long"),
        ({"attributes": nested(33)}, "string_too_long"),
        ({"attributes": nested(5000)}, "string_too_long"),
        ({"duration_seconds": ONE}, "duration_not_allowed"),
        ({"meter": "response_time", "duration_seconds": ONE}, "duration_not_allowed"),
        ({"meter": "slowest", "duration_seconds": ONE}, "duration_not_allowed"),
        ({"meter": "depth", "duration_seconds": ONE}, "duration_not_allowed"),
        ({"meter": "depth", "quantity": Decimal(-1)}, "invalid_quantity"),
        ({"meter": "depth", "quantity": None}, "quantity_missing"),
        ({"meter": "old"}, "meter_archived"),
        ({"meter": None, "quantity": None, "quantities": {"requests": ONE, "old": ONE}}, "meter_archived"),
        ({"meter": "people"}, "unique_value_missing"),
        ({"meter": "sessions"}, "unique_value_missing"),
        ({"meter": "sessions", "attributes": {"session": None}}, "unique_value_missing"),
        ({"meter": "sessions", "attributes": {"session": ""}}, "unique_value_missing"),
        ({"meter": "sessions", "attributes": {"session": ["s"]}}, "unique_value_missing"),
    ],
)
def test_refusals(fields: dict[str, Any], code: str) -> None:
    """Each rule has its code, and the code is in the registry."""
    assert refused(event(**fields)) == code
    assert code in EVENT_CODES


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"id": "x" * 512},
        {"id": None},
        {"id": "ü" * 512},
        {"source": "s"},
        {"time": NOW + timedelta(minutes=5)},
        {"time": NOW - timedelta(days=3660)},
        {"time": NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))},
        {"dimensions": {"model": "x" * 200, "region": "eu"}},
        {"dimensions": {}},
        {"member": "x" * 200},
        {"attributes": {}},
        {"attributes": {"a": "\\u0000 is no NUL"}},
        {"attributes": nested(32)},
        {"attributes": {"a": 10**400, "b": 1e308, "c": None, "d": [True, {}]}},
        {"meter": "response_time"},
        {"meter": "calls", "quantity": None},
        {"meter": "people", "quantity": None, "member": "ada"},
        {"meter": "sessions", "attributes": {"session": 0}},
        {"meter": "slowest", "quantity": Decimal("0.5")},
        {"meter": None, "quantity": None, "quantities": {"requests": ONE, "tokens.input": Decimal(0)}},
    ],
)
def test_what_is_taken(fields: dict[str, Any]) -> None:
    """Limits are inclusive, and what is merely unusual is taken."""
    assert refused(event(**fields)) is None


@pytest.mark.parametrize("slug", ["requests", "response_time", "cpu", "nonsense"])
@pytest.mark.parametrize(
    "quantity",
    [
        "NaN",
        "-NaN",
        "sNaN",
        "NaN123",
        "Infinity",
        "-Infinity",
        "-1",
        "-0.000000000001",
        "-1E-999999",
        "-1E+999999",
        "1E+26",
        "1E+999999",
        "1E-999999",
        "1E-27",
        "1E999999999999999999",
        "100000000000000000000000000",
        "1." + "0" * 47 + "1",
        "0." + "3" * 5000,
    ],
)
def test_numbers_that_are_refused(slug: str, quantity: str) -> None:
    """Whatever the meter and however absurd the number, it is refused and never raises."""
    assert refused(event(meter=slug, quantity=Decimal(quantity))) == "invalid_quantity"
    if slug == "cpu":
        assert refused(event(meter=slug, quantity=Decimal(quantity), duration_seconds=ONE)) == "invalid_quantity"


@pytest.mark.parametrize(
    ("quantity", "taken"),
    [
        ("0", True),
        ("-0", True),
        ("0E-999999", True),
        ("0E+999999", True),
        ("1E-12", True),
        ("1E-13", False),
        ("0.1234567890123", False),
        ("0.1234567890120", True),
        ("1E+25", True),
        ("99999999999999999999999999.999999999999", True),
        ("99999999999999999999999999.9999999999990000", True),
        ("99999999999999999999999999.9999999999991", False),
        ("1." + "0" * 30_000, True),
        ("1" + "0" * 25 + "." + "0" * 100, True),
    ],
)
def test_the_limits_of_what_is_stored(quantity: str, taken: bool) -> None:  # noqa: FBT001 - a column of the table
    """numeric(38,12): 26 digits before the point, 12 after it, trailing zeros aside."""
    assert (refused(event(quantity=Decimal(quantity))) is None) == taken
    assert (facts.quantity_refusal(Decimal(quantity)) is None) == taken


@settings(max_examples=200, deadline=None)
@given(numbers())
@example(Decimal("1E-26"))
def test_a_quantity_is_taken_if_numeric_38_12_holds_it_exactly(quantity: Decimal) -> None:
    """Against whole-number arithmetic."""
    exact = (
        quantity.is_finite()
        and quantity >= 0
        and (not quantity or abs(quantity.adjusted()) < 100)
        and Fraction(quantity) < 10**26
        and (Fraction(quantity) * 10**12).denominator == 1
    )
    assert (facts.quantity_refusal(quantity) is None) == exact


@settings(max_examples=200, deadline=None)
@given(numbers(), st.sampled_from(sorted(METERS)), st.one_of(st.none(), numbers()))
def test_no_number_raises(quantity: Decimal, slug: str, duration: Decimal | None) -> None:
    """Any quantity with any duration on any meter becomes rows or a refusal with a known code."""
    found = facts.rows(event(meter=slug, quantity=quantity, duration_seconds=duration), 0, METERS, HORIZON, NOBODY)
    if isinstance(found, Refusal):
        assert found.code in EVENT_CODES
    else:
        assert all(facts.quantity_refusal(row.quantity) is None for row in found)


@pytest.mark.parametrize(
    ("seconds", "taken"),
    [
        ("0", False),
        ("-1", False),
        ("0.000001", True),
        ("0.0000001", False),
        ("1.0000000", True),
        ("1.0000005", False),
        ("1.0000000000000000000000000000000000000000001", False),
        ("2678400", True),
        ("2678400.000001", False),
        ("NaN", False),
        ("sNaN", False),
        ("Infinity", False),
        ("1E+999999", False),
        ("1E-999999", False),
        ("0E-999999", False),
    ],
)
def test_durations(seconds: str, taken: bool) -> None:  # noqa: FBT001 - a column of the table
    """Above 0, 31 days at most, whole microseconds; nothing is rounded into that."""
    made = event(meter="cpu", duration_seconds=Decimal(seconds))
    assert refused(made) == (None if taken else "invalid_duration")


def test_a_sample_may_not_begin_before_what_is_taken() -> None:
    """What counts is where a sample begins, and that it has ended."""
    edge = NOW - timedelta(days=3660)
    hour = Decimal(3600)
    assert refused(event(meter="cpu", time=edge + timedelta(hours=1), duration_seconds=hour)) is None
    late = edge + timedelta(hours=1) - timedelta(microseconds=1)
    assert refused(event(meter="cpu", time=late, duration_seconds=hour)) == "too_late"
    ahead = NOW + timedelta(minutes=6)
    assert refused(event(meter="cpu", time=ahead, duration_seconds=hour)) == "time_in_future"


@pytest.mark.parametrize("bad", ["NaN", "-1", "1E+26", "1E-13"])
def test_quantities_are_taken_all_or_none(bad: str) -> None:
    """One bad quantity, or one unknown meter, and nothing of the event is kept."""
    good = {"requests": ONE, "tokens.input": ONE}
    for slug in good:
        assert refused(event(meter=None, quantity=None, quantities={**good, slug: Decimal(bad)})) == "invalid_quantity"
    assert refused(event(meter=None, quantity=None, quantities={**good, "nonsense": ONE})) == "unknown_meter"


def test_quantities_make_a_row_each() -> None:
    """One fact with several meters: same time, an identity per meter."""
    found = accepted(event(meter=None, quantity=None, quantities={"requests": ONE, "tokens.input": Decimal(7)}))
    assert [(row.series.meter, row.quantity, row.event_id) for row in found] == [
        ("requests", ONE, hashed(b"i", "", "e1", "requests")),
        ("tokens.input", Decimal(7), hashed(b"i", "", "e1", "tokens.input")),
    ]
    assert {row.time_us for row in found} == {microseconds(NOW)}


def test_one_additive_meter_forbids_the_duration_of_all() -> None:
    """A duration belongs to all quantities of an event."""
    mixed = event(meter=None, quantity=None, quantities={"cpu": ONE, "requests": ONE}, duration_seconds=ONE)
    assert refused(mixed) == "duration_not_allowed"


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 10**18).map(lambda millionths: Decimal(millionths).scaleb(-6)),
    st.integers(1, 3 * 86_400 * 10**6),
    st.integers(0, 86_400 * 10**6),
    st.sampled_from(("cpu", "memory", "storage")),
)
def test_a_sample_is_stored_as_what_it_covers(level: Decimal, duration_us: int, ago_us: int, slug: str) -> None:
    """Rows lie inside [time - duration, time), one per quarter, and add up to level x scale x seconds."""
    end = NOW - timedelta(microseconds=ago_us)
    seconds = Decimal(duration_us).scaleb(-6)
    found = accepted(event(meter=slug, time=end, quantity=level, duration_seconds=seconds))
    stored = sum((Fraction(row.quantity) for row in found), Fraction(0))
    assert stored == Fraction(level) * Fraction(METERS[slug].level_scale) * duration_us / 10**6
    times = [row.time_us for row in found]
    assert times == sorted(times)
    assert len({time // 900_000_000 for time in times}) == len(times) == len({row.event_id for row in found})
    assert microseconds(end) - duration_us <= times[0]
    assert times[-1] == microseconds(end) - 1
    assert [row.covers_us for row in found] == [time + 1 - microseconds(end) + duration_us for time in times]


@pytest.mark.parametrize(
    ("slug", "stored"), [("cpu", 3600), ("memory", 1024 * 3600), ("storage", 30 * 86_400), ("requests", 1)]
)
def test_without_a_duration_a_quantity_is_in_the_unit(slug: str, stored: int) -> None:
    """A core-hour is 3600 core-seconds, a GB-hour 1024 x 3600 MB-seconds, a GB-month November's seconds."""
    (row,) = accepted(event(meter=slug))
    assert row.quantity == stored
    assert row.covers_us is None


@pytest.mark.parametrize(
    ("month", "days"), [(1, 31), (2, 28), (4, 30), (12, 31), (14, 29)]
)  # 14: February of the leap year 2024
def test_months_have_their_own_seconds(month: int, days: int) -> None:
    """A GB-month given as such counts the seconds of its calendar month."""
    at = datetime(2024 if month > 12 else 2025, (month - 1) % 12 + 1, 15, tzinfo=UTC)
    (row,) = accepted(event(meter="storage", time=at))
    assert row.quantity == days * 86_400


def test_the_largest_level_is_refused_once_multiplied() -> None:
    """What fits as a level need not fit as level x seconds."""
    huge = Decimal(99999999999999999999999999)
    assert refused(event(meter="cpu", quantity=huge, duration_seconds=ONE)) is None
    assert refused(event(meter="cpu", quantity=huge, duration_seconds=Decimal(3))) == "invalid_quantity"
    assert refused(event(meter="memory", quantity=huge, duration_seconds=ONE)) == "invalid_quantity"
    assert refused(event(meter="cpu", quantity=huge)) == "invalid_quantity"


def test_megabytes_come_back_from_gigabytes() -> None:
    """A level in GB with ten decimals is a whole number of MB, and stored as such."""
    (row,) = accepted(event(meter="memory", quantity=Decimal(1537) / 1024, duration_seconds=ONE))
    assert row.quantity == 1537


def test_the_original_id_stays_with_the_attributes() -> None:
    """Drill-down shows what was sent."""
    (row,) = accepted(event(attributes={"session": "s"}))
    assert msgspec.json.decode(row.attributes or b"") == {"id": "e1", "session": "s"}
    (plain,) = accepted(event())
    assert plain.attributes is None


def test_the_member_of_the_request_is_used_where_the_event_names_none() -> None:
    """X-User-ID speaks for the body, an event for itself."""
    by_header = Defaults("alice", None, {})
    assert accepted(event(), by_header)[0].series.member == "alice"
    assert accepted(event(member="bob"), by_header)[0].series.member == "bob"


def test_times_come_from_the_event_its_id_or_its_first_arrival() -> None:
    """In that order."""
    carried = "01890a5d-ac96-774b-bcce-b302099a8057"
    assert accepted(event(id=carried))[0].time_us == microseconds(NOW)
    (row,) = accepted(event(id=carried, time=None))
    assert instant(row.time_us) == datetime.fromtimestamp(0x01890A5DAC96 / 1000, UTC)
    untimed = event(time=None)
    assert facts.needs_arrival(untimed)
    assert not facts.needs_arrival(event(id=carried, time=None))
    arrivals = {facts.arrival_id(untimed, 0, None): NOW - timedelta(hours=1)}
    (late,) = accepted(untimed, Defaults(None, None, arrivals))
    assert instant(late.time_us) == NOW - timedelta(hours=1)


offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=offsets))
def test_microseconds_are_exact(at: datetime) -> None:
    """There and back, for every instant that Python has, the two days at its ends aside."""
    us = microseconds(at)
    assert us == (at - facts.PG_EPOCH) // timedelta(microseconds=1)
    if datetime(1, 1, 2, tzinfo=UTC) < at < datetime(9999, 12, 30, tzinfo=UTC):
        assert instant(us) == at


def test_counts_need_no_quantity() -> None:
    """An event of a count or a unique count is one; the member of the request is who is counted."""
    (call,) = accepted(event(meter="calls", quantity=None))
    (person,) = accepted(event(meter="people", quantity=None), Defaults("ada", None, {}))
    assert (call.quantity, person.quantity, person.series.member) == (ONE, ONE, "ada")


@pytest.mark.parametrize(
    ("fields", "failed"),
    [
        ({}, False),
        ({"attributes": {"status": 200}}, False),
        ({"attributes": {"status": 404}}, False),
        ({"attributes": {"status": 500}}, True),
        ({"attributes": {"status": "failed"}}, True),
        ({"meter": "tokens.input", "attributes": {"status": 500}}, False),
        ({"meter": "calls", "dimensions": {"status": "200"}, "attributes": {"status": 500}}, False),
        ({"meter": "calls", "dimensions": {"status": "500"}, "attributes": {"status": 200}}, False),
    ],
)
def test_a_status_among_the_attributes_marks_the_series(fields: dict[str, Any], *, failed: bool) -> None:
    """The mark is set for what the meter does not bill; a dimension speaks for itself."""
    assert [row.series.failed for row in accepted(event(**fields))] == [failed]

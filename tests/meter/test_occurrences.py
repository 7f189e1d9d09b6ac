"""Occurrences to events: by all rules that fit, else by the name of the type; exact, and never a surprise."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meter import facts, identity
from meter.event_codes import EVENT_CODES
from meter.facts import MAX_ATTRIBUTES_BYTES, attribute_bytes
from meter.mapping.event_rules import EventRule
from meter.mapping.occurrences import events_of, number
from meter.mapping.route import Unmapped
from meter.model import Event, Refusal
from meter.streams import Occurrence
from tests.meter.cast import HORIZON, METERS, NOBODY

AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
HORIZON_TIME = facts.instant(HORIZON.latest_us)
DEEP: Any = "x"
for _ in range(2_000):
    DEEP = {"deep": DEEP}
DATA: dict[str, Any] = {
    "tokens": "123",
    "model": "gpt-4o",
    "cached": True,
    "usage": {"total.tokens": Decimal("1.5"), "seconds": 7, "list": [1]},
    "region": "",
    "none": None,
}
PROMPT = Occurrence("prompt", "e1", "svc-a", AT, "customer-1", "sub-1", DATA)


def rule(**fields: Any) -> EventRule:
    """Make a rule for prompts that counts tokens, unless told otherwise."""
    return EventRule(**{"type": "prompt", "meter": "tokens.input", "value": "$.tokens", **fields})


def made(*rules: EventRule, occurrence: Occurrence = PROMPT) -> list[Event | Refusal]:
    """Answer what comes of an occurrence that some rule fits."""
    found = events_of(occurrence, rules, METERS)
    assert not isinstance(found, Unmapped)
    return found


def one(*rules: EventRule, occurrence: Occurrence = PROMPT) -> Event:
    """Answer the only event that comes of an occurrence."""
    (found,) = made(*rules, occurrence=occurrence)
    assert isinstance(found, Event), found
    return found


def usual(meter: str, data: dict[str, Any]) -> Event | Refusal:
    """Answer what comes of an occurrence whose type is the name of a meter, without rules."""
    (found,) = made(occurrence=Occurrence(meter, "e1", "s", AT, "m", None, data))
    return found


def test_an_event_by_a_rule() -> None:
    """Identity, owners and time as they came; the number by its path, dimensions by theirs, the rest beside it."""
    assert one(rule(dimensions={"model": "$.model"})) == Event(
        id="e1",
        source="svc-a",
        time=AT,
        meter="tokens.input",
        quantity=Decimal(123),
        member="customer-1",
        service="sub-1",
        dimensions={"model": "gpt-4o"},
        attributes={
            "cached": True,
            "usage": {"total.tokens": 1.5, "seconds": 7, "list": [1]},
            "region": "",
            "none": None,
        },
    )


def test_every_rule_that_fits_makes_an_event() -> None:
    """One occurrence feeds all meters that ask for its type, in the order of the rules."""
    found = made(
        rule(),
        rule(type="other"),
        rule(type="pro*", meter="requests", value=None),
        rule(type="p?ompt", meter="cpu", value="$.usage.seconds"),
    )
    assert [(event.meter, event.quantity) for event in found if isinstance(event, Event)] == [
        ("tokens.input", Decimal(123)),
        ("requests", Decimal(1)),
        ("cpu", Decimal(7)),
    ]


def test_rules_of_one_meter_make_events_apart() -> None:
    """The first bears the id as it came, the others their path too; whatever else is equal."""
    again = rule(value="$.usage.seconds")
    found = made(rule(), again, rule(type="*", value=None), again, rule(meter="requests"))
    ids = [event.id for event in found if isinstance(event, Event)]
    assert ids == ["e1", "e1#$.usage.seconds", "e1#*", "e1#$.usage.seconds#$.usage.seconds", "e1"]
    assert ids == [
        event.id
        for event in made(rule(), again, rule(type="*", value=None), again, rule(meter="requests"))
        if isinstance(event, Event)
    ]


@pytest.mark.parametrize("event_id", ["x" * facts.MAX_STRING, "x" * 195])
def test_a_long_id_that_is_made_longer_is_cut_short(event_id: str) -> None:
    """It stays a good one and its own; the one as it came is judged as any other."""
    found = made(rule(), rule(), rule(), occurrence=msgspec.structs.replace(PROMPT, id=event_id))
    ids = [event.id or "" for event in found if isinstance(event, Event)]
    assert ids[0] == event_id
    assert len(set(ids)) == 3
    assert all(0 < len(each) <= facts.MAX_STRING for each in ids)
    too_long = made(rule(), rule(), occurrence=msgspec.structs.replace(PROMPT, id="x" * (facts.MAX_STRING + 1)))
    assert all(isinstance(event, Event) and len(event.id or "") > facts.MAX_STRING for event in too_long)


def test_the_time_that_an_id_carries_is_that_of_all_events_made_of_it() -> None:
    """Though the others bear another id."""
    ulid = "01JD3C8ZN0ABCDEFGHJKMNPQRS"
    first, second = made(rule(), rule(), occurrence=msgspec.structs.replace(PROMPT, id=ulid, time=None))
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert (first.id, first.time) == (ulid, None)
    assert second.time == identity.time_in(ulid) is not None


def test_a_rule_that_ignores_ends_the_search() -> None:
    """What came before it stays, what comes after is not asked, and neither is the name of the type."""
    ignoring = EventRule(type="*", ignore=True, where={"$.model": "gpt-*"})
    assert made(ignoring, rule()) == []
    assert len(made(rule(), ignoring, rule(meter="requests"))) == 1
    named = Occurrence("tokens.input", "e1", data={"value": 1, "model": "gpt-4o"})
    assert made(ignoring, occurrence=named) == []


def test_what_no_rule_fits_is_unmapped() -> None:
    """Unless its type is the name of a meter."""
    found = events_of(PROMPT, [rule(type="other"), rule(where={"subject": "x"})], METERS)
    assert isinstance(found, Unmapped)
    assert found.reason == "no_rule"


@pytest.mark.parametrize(
    ("where", "fits"),
    [
        ({}, True),
        ({"$.model": "gpt-4o"}, True),
        ({"$.model": "gpt-4"}, False),
        ({"$.model": "gpt-*"}, True),
        ({"$.model": ["claude-*", "gpt-*"]}, True),
        ({"$.model": "!gpt-*"}, False),
        ({"$.model": ["*", "!gpt-*"]}, False),
        ({"$.missing": "!gpt-*"}, True),
        ({"$.missing": ""}, True),
        ({"$.none": ""}, True),
        ({"$.region": ""}, True),
        ({"$.usage": ""}, True),
        ({"$.model": ""}, False),
        ({"$.missing": "!"}, False),
        ({"$.model": "!"}, True),
        ({"$.missing": "?*"}, False),
        ({"$.cached": "true"}, True),
        ({"$.usage.seconds": "7"}, True),
        ({'$.usage["total.tokens"]': "1.5"}, True),
        ({"$.model": "gpt[-]4o"}, False),
        ({"subject": "customer-?"}, True),
        ({"service": "sub-1", "source": "svc-*", "type": "prompt"}, True),
        ({"service": "sub-1", "source": "other"}, False),
    ],
)
def test_where(where: dict[str, Any], fits: bool) -> None:  # noqa: FBT001 - an expected value
    """Patterns on texts of the data and of the occurrence; nothing there is the empty text."""
    assert isinstance(events_of(PROMPT, [rule(where=where)], METERS), Unmapped) is not fits


@pytest.mark.parametrize(
    ("fields", "member", "service"),
    [
        ({}, "customer-1", "sub-1"),
        ({"member": "$.model", "service": "source"}, "gpt-4o", "svc-a"),
        ({"member": "service", "service": "=gateway"}, "sub-1", "gateway"),
        ({"member": "type", "service": "subject"}, "prompt", "customer-1"),
        ({"member": "$.missing", "service": "$.usage"}, None, None),
        ({"member": "$.region", "service": "="}, None, None),
    ],
)
def test_whose_it_is(fields: dict[str, str], member: str | None, service: str | None) -> None:
    """As the rule says, also where that is nobody; else the subject and the service."""
    found = one(rule(**fields))
    assert (found.member, found.service) == (member, service)


def test_empty_names_are_none() -> None:
    """An empty text would be refused as a name."""
    found = one(rule(), occurrence=Occurrence("prompt", "e1", "", None, "", "", {"tokens": 1}))
    assert (found.source, found.member, found.service, found.time) == (None, None, None, None)
    assert (found.dimensions, found.attributes) == (None, None)


def test_dimensions_are_short_texts() -> None:
    """Numbers and truth values as texts; what is no text, empty or too long stays with the rest."""
    data = {
        "tokens": 1,
        "n": 5,
        "x": Decimal("0.50"),
        "yes": True,
        "long": "x" * 201,
        "nul": "\0",
        "o": {},
    }
    names = {name: f"$.{name}" for name in (*data, "missing")} | {"literal": "=eu", "who": "subject"}
    found = one(rule(dimensions=names), occurrence=msgspec.structs.replace(PROMPT, data=data))
    assert found.dimensions == {
        "tokens": "1",
        "n": "5",
        "x": "0.50",
        "yes": "true",
        "literal": "eu",
        "who": "customer-1",
    }
    assert found.attributes is None  # a NUL can't be stored
    del data["nul"]
    found = one(rule(dimensions=names), occurrence=msgspec.structs.replace(PROMPT, data=data))
    assert found.attributes == {"long": data["long"], "o": {}}


@pytest.mark.parametrize(
    ("value", "quantity"),
    [
        (5, "5"),
        ("5", "5"),
        ("0.1", "0.1"),
        ("1e3", "1e3"),
        (".5", ".5"),
        ("5.", "5"),
        (Decimal("0.123456789012"), "0.123456789012"),
        (Decimal("0.1234567890125"), "0.123456789013"),
        (0.25, "0.25"),
        (0, "0"),
    ],
)
def test_numbers(value: object, quantity: str) -> None:
    """As such or as texts, exact to the decimals that are stored."""
    occurrence = msgspec.structs.replace(PROMPT, data={"tokens": value})
    assert one(rule(), occurrence=occurrence).quantity == Decimal(quantity)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "quantity_missing"),
        ("many", "invalid_quantity"),
        ("", "invalid_quantity"),
        (" 5", "invalid_quantity"),
        ("1_0", "invalid_quantity"),
        ("٣", "invalid_quantity"),
        ("NaN", "invalid_quantity"),
        ("Infinity", "invalid_quantity"),
        ("9" * 101, "invalid_quantity"),
        (True, "invalid_quantity"),
        ([1], "invalid_quantity"),
        ({"a": 1}, "invalid_quantity"),
        (-1, "invalid_quantity"),
        ("-0.1", "invalid_quantity"),
        (10**26, "invalid_quantity"),
        (Decimal("1e999999"), "invalid_quantity"),
        (10**4000, "invalid_quantity"),
    ],
)
def test_what_is_no_quantity(value: object, code: str) -> None:
    """Refused for this rule alone, with the path and the meter in the text."""
    occurrence = msgspec.structs.replace(PROMPT, data={"tokens": value})
    refused, other = made(rule(), rule(meter="requests", value=None), occurrence=occurrence)
    assert isinstance(refused, Refusal)
    assert refused.code == code
    assert "$.tokens" in refused.detail
    assert "tokens.input" in refused.detail
    assert isinstance(other, Event)


@pytest.mark.parametrize(
    ("value", "multiply", "quantity"),
    [
        ("1500", "0.001", "1.5"),
        ("1", "1e-12", "1e-12"),
        ("5", "1e-13", "1e-12"),
        ("4", "1e-13", "0"),
        ("0.123456789012", "0.001", "0.000123456789"),
        (3, "60", "180"),
        ("1e25", "1e25", "1e50"),
        (0.1 + 0.2, "1", "0.3"),
    ],
)
def test_a_factor(value: object, multiply: str, quantity: str) -> None:
    """Rounded to the decimals that are stored; what is too large is left to be refused."""
    occurrence = msgspec.structs.replace(PROMPT, data={"tokens": value})
    assert one(rule(multiply=Decimal(multiply)), occurrence=occurrence).quantity == Decimal(quantity)


def test_without_a_value_each_event_counts_once() -> None:
    """Times the factor, if there is one."""
    assert one(rule(value=None)).quantity == 1
    assert one(rule(value=None, multiply=Decimal("2.5"))).quantity == Decimal("2.5")


@pytest.mark.parametrize(
    ("data", "quantity", "dimensions", "attributes"),
    [
        ({"value": "5"}, 5, None, None),
        ({"quantity": 5, "model": "m", "region": 7}, 5, {"model": "m", "region": "7"}, None),
        ({"quantity": 5, "value": None}, 5, None, {"value": None}),
        ({"value": 5, "model": {}, "note": "x"}, 5, None, {"model": {}, "note": "x"}),
    ],
)
def test_the_type_may_name_the_meter(
    data: dict[str, Any], quantity: int, dimensions: dict[str, str] | None, attributes: dict[str, Any] | None
) -> None:
    """Then `quantity` or `value` is the number, and what the meter declares is looked for by its name."""
    found = usual("tokens.input", data)
    assert isinstance(found, Event)
    assert (found.meter, found.quantity, found.member) == ("tokens.input", Decimal(quantity), "m")
    assert (found.dimensions, found.attributes) == (dimensions, attributes)


@pytest.mark.parametrize(
    ("data", "code", "word"),
    [
        ({}, "quantity_missing", "neither"),
        ({"tokens": 5}, "quantity_missing", "neither"),
        ({"value": 1, "quantity": 1}, "quantity_missing", "both"),
        ({"value": "x"}, "invalid_quantity", "$.value"),
        ({"quantity": []}, "invalid_quantity", "$.quantity"),
    ],
)
def test_a_number_that_is_not_to_be_found(data: dict[str, Any], code: str, word: str) -> None:
    """Nothing is guessed."""
    found = usual("tokens.input", data)
    assert isinstance(found, Refusal)
    assert found.code == code
    assert word in found.detail


def test_meters_that_count_events_need_no_number() -> None:
    """An event is one, or as many as `quantity` says; `value` is an attribute of theirs like any other."""
    for data, quantity in (({}, 1), ({"value": "GET"}, 1), ({"quantity": "3", "value": 5}, 3)):
        found = usual("calls", data)
        assert isinstance(found, Event)
        assert found.quantity == quantity
        assert (found.attributes or {}).get("value") == data.get("value")


def test_the_value_that_is_counted_is_kept() -> None:
    """A meter of different values finds its own among the attributes, used elsewhere or beside too much else."""
    for data in ({"session": "s1"}, {"session": "s1", "big": "x" * MAX_ATTRIBUTES_BYTES}, {"session": Decimal("0.5")}):
        found = usual("sessions", data)
        assert isinstance(found, Event)
        rows = facts.rows(msgspec.structs.replace(found, time=HORIZON_TIME), 0, METERS, HORIZON, NOBODY)
        assert isinstance(rows, list), rows
        kept = (found.attributes or {})["session"]
        assert kept == (0.5 if isinstance(data["session"], Decimal) else "s1")
    by_rule = rule(meter="sessions", value=None, dimensions={"model": "$.session"})
    found = one(by_rule, occurrence=msgspec.structs.replace(PROMPT, data={"session": "s1"}))
    assert (found.dimensions, found.attributes) == ({"model": "s1"}, {"session": "s1"})


@pytest.mark.parametrize(
    "data",
    [
        {"big": "x" * (MAX_ATTRIBUTES_BYTES + 1)},
        {"big": "x" * (MAX_ATTRIBUTES_BYTES - 12)},  # no room for the id
        {"deep": {"a": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}},
        {"deeper": DEEP},
        {"nul": "\0"},
        {"huge": Decimal("1e400")},
    ],
)
def test_attributes_that_find_no_room_are_left_out(data: dict[str, Any]) -> None:
    """The usage counts all the same."""
    found = one(rule(), occurrence=msgspec.structs.replace(PROMPT, data={"tokens": 1, **data}))
    assert found.attributes is None
    assert found.quantity == 1
    assert attribute_bytes(found) is None


def test_a_meter_that_there_is_not() -> None:
    """Is refused where the event is taken, as for any event."""
    found = one(rule(meter="nonsense"))
    assert found.meter == "nonsense"


scalars = st.none() | st.booleans() | st.integers() | st.decimals() | st.text() | st.sampled_from(["5", "1e3", "\0"])
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["tokens", "model", "region", "value", "quantity", "session", "x"]), anything),
    st.sampled_from(["prompt", *METERS]),
    st.none() | st.text(),
)
@example({"tokens": DEEP, "value": DEEP}, "tokens.input", None)
def test_whatever_the_data(data: dict[str, Any], kind: str, subject: str | None) -> None:
    """Events that the next check can judge, or refusals whose codes are registered."""
    rules = [
        rule(dimensions={"model": "$.model", "region": "$.region"}, where={"$.x": ["", "*"]}, multiply=Decimal("0.7")),
        rule(meter="sessions", value=None),
    ]
    found = events_of(Occurrence(kind, "e1", "s", AT, subject, None, data), rules, METERS)
    assert not isinstance(found, Unmapped)
    for item in found:
        if isinstance(item, Refusal):
            assert item.code in EVENT_CODES
            continue
        rows = facts.rows(msgspec.structs.replace(item, time=HORIZON_TIME), 0, METERS, HORIZON, NOBODY)
        assert rows if isinstance(rows, list) else rows.code in EVENT_CODES


@settings(max_examples=200, deadline=None)
@given(st.text() | st.integers() | st.decimals() | st.floats() | st.booleans() | st.none())
def test_a_number_or_none(value: object) -> None:
    """Never another exception, whatever stands there."""
    found = number(value)
    assert found is None or isinstance(found, Decimal)

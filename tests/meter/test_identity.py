"""Which event is this: times inside ids against other decoders, and names that never meet by accident."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import md5
from itertools import combinations
from uuid import UUID, uuid4

import msgspec
import pytest
import uuid_utils
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.identity import hashed, named, segment, time_in
from meter.model import Event

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MILLISECONDS = 1 << 47  # year 6429: more no datetime needs
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


def ulid(number: int) -> str:
    """Write 128 bits as the ULID specification says: 26 characters, five bits each, the first two bits zero."""
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def since_1970(milliseconds: int) -> datetime:
    """Answer an instant, reckoned in whole milliseconds."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


@given(st.integers(0, (1 << 48) - 1), st.integers(0, (1 << 80) - 1), st.booleans())
def test_ulids_carry_their_time(milliseconds: int, rest: int, lower: bool) -> None:  # noqa: FBT001 - drawn, not passed
    """In either case, and none beyond what a datetime holds."""
    text = ulid(milliseconds << 80 | rest)
    expected = since_1970(milliseconds) if milliseconds < MILLISECONDS else None
    assert time_in(text.lower() if lower else text) == expected


def test_the_ulid_of_the_specification() -> None:
    """Its README's own example, 01ARZ3NDEKTSV4RRFFQ69G5FAV, and its time written back."""
    assert time_in("01ARZ3NDEKTSV4RRFFQ69G5FAV") == since_1970(1469922850259)
    assert ulid(1469922850259 << 80)[:10] == "01ARZ3NDEK"


@given(st.integers(0, MILLISECONDS - 1), st.integers(0, (1 << 12) - 1), st.integers(0, (1 << 62) - 1))
def test_uuids_of_version_7_carry_their_time(milliseconds: int, some: int, rest: int) -> None:
    """As uuid_utils reads them, in either case."""
    number = milliseconds << 80 | 7 << 76 | some << 64 | 2 << 62 | rest
    read = uuid_utils.UUID(int=number)
    assert read.timestamp == milliseconds
    assert time_in(str(read)) == time_in(str(read).upper()) == since_1970(milliseconds)


def test_the_uuid_of_the_rfc() -> None:
    """RFC 9562, A.6: 017F22E2-79B0-7CC3-98C4-DC0C0C07398F is 2022-02-22 14:22:22 at UTC-5."""
    assert time_in("017F22E2-79B0-7CC3-98C4-DC0C0C07398F") == datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "order-17",
        "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",  # more than 128 bits
        "01ARZ3NDEKTSV4RRFFQ69G5FAU",  # U is no Crockford digit
        "01ARZ3NDEKTSV4RRFFQ69G5FA",
        "01ARZ3NDEKTSV4RRFFQ69G5FAVV",
        "01ARZ3NDEKT\u017fV4RRFFQ69G5FAV",  # a long s is an S once it is upper-cased
        "01ARZ3NDEKT\u00dfV4RRFFQ69G5FAV",
        "017F22E2-79B0-4CC3-98C4-DC0C0C07398F",
        "017F22E2-79B0-7CC3-18C4-DC0C0C07398F",  # another variant
        "{017F22E2-79B0-7CC3-98C4-DC0C0C0739}",
        "017F22E279B07CC398C4-DC0C0C07398F---",
        "0_7F22E2-79B0-7CC3-98C4-DC0C0C07398F",
        "\u0661\u06617F22E2-79B0-7CC3-98C4-DC0C0C073",
        "FFFFFFFF-FFFF-7CC3-98C4-DC0C0C07398F",
        " 17F22E2-79B0-7CC3-98C4-DC0C0C07398F",
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398F\n",
    ],
)
def test_what_carries_no_time(text: str) -> None:
    """Look-alikes are ids like any other."""
    assert time_in(text) is None


def test_random_ids_carry_no_time() -> None:
    """Hashes, trace ids and UUIDs of other versions never get a time by chance."""
    for number in range(2000):
        assert time_in(md5(str(number).encode(), usedforsecurity=False).hexdigest()) is None
    assert time_in(str(uuid4())) is None
    assert time_in(str(UUID(int=0))) is None


@given(st.text(max_size=40))
def test_no_text_raises(text: str) -> None:
    """Whatever the id, an answer."""
    found = time_in(text)
    assert found is None or found.tzinfo is UTC


@given(st.sampled_from([b"i", b"k", b"c"]), texts, texts, texts)
def test_kinds_never_meet(kind: bytes, source: str, text: str, meter: str) -> None:
    """The same text as an id, a place in a request or a content is three identities of 16 bytes."""
    made = {hashed(each, source, text, meter) for each in (b"i", b"k", b"c")}
    assert len(made) == 3
    assert {len(each) for each in made} == {16}
    assert hashed(kind, source, text, meter) in made


@settings(max_examples=200)
@given(st.lists(st.tuples(*[st.text("ab", max_size=3)] * 3), min_size=2, max_size=30, unique=True))
def test_parts_do_not_run_into_each_other(names: list[tuple[str, str, str]]) -> None:
    """('a', 'b', '') is not ('ab', '', '') nor ('', 'ab', '')."""
    made = [hashed(b"i", *each) for each in names]
    assert len(set(made)) == len(made)


FULL = Event(
    id=None,
    time=NOW,
    meter="requests",
    quantity=Decimal(1),
    member="m",
    service="s",
    dimensions={"a": "1", "b": "2"},
    attributes={"x": 1, "y": {"p": 1, "q": 2}},
    duration_seconds=Decimal(5),
)


def test_every_part_of_the_content_counts() -> None:
    """Without an id, events that differ in anything are different events."""
    others = [
        {"time": NOW + timedelta(microseconds=1)},
        {"meter": "tokens.input"},
        {"quantity": Decimal(2)},
        {"meter": None, "quantity": None, "quantities": {"requests": Decimal(1)}},
        {"member": None},
        {"member": "s", "service": "m"},
        {"service": None},
        {"dimensions": {"a": "1"}},
        {"dimensions": {"a": "2", "b": "1"}},
        {"dimensions": None},
        {"attributes": {"x": 2, "y": {"p": 1, "q": 2}}},
        {"source": "z"},
        {"duration_seconds": None},
    ]
    events = [FULL, *(msgspec.structs.replace(FULL, **changed) for changed in others)]  # type: ignore[arg-type]
    made = [named(event, "requests", None, 0) for event in events]
    assert all(one != other for one, other in combinations(made, 2))


def test_content_does_not_depend_on_the_order_of_fields() -> None:
    """A retry may serialise its dictionaries in another order."""
    turned = msgspec.structs.replace(FULL, dimensions={"b": "2", "a": "1"}, attributes={"y": {"q": 2, "p": 1}, "x": 1})
    assert named(turned, "requests", None, 3) == named(FULL, "requests", None, 0)
    text = '{"meter": "requests", "time": "2026-11-20T09:00:00Z", "quantity": 1}'
    other = '{"quantity": "1", "time": "2026-11-20T09:00:00+00:00", "meter": "requests"}'
    assert len({named(msgspec.json.decode(each, type=Event), "requests", None, 0) for each in (text, other)}) == 1


def test_an_id_counts_alone() -> None:
    """With an id, neither content nor place nor request matter; source and meter do."""
    with_id = msgspec.structs.replace(FULL, id="e")
    changed = msgspec.structs.replace(with_id, quantity=Decimal(9), member=None)
    same = {named(with_id, "requests", None, 0), named(changed, "requests", "key", 4)}
    assert same == {hashed(b"i", "", "e", "requests")}
    assert named(with_id, "cpu", None, 0) not in same
    assert named(msgspec.structs.replace(with_id, source="z"), "requests", None, 0) not in same


def test_without_an_id_the_place_in_the_request_counts() -> None:
    """Two equal events of one request are two; the same place of a retry is the same event."""
    places = [named(FULL, "requests", "key", index) for index in range(3)]
    assert len(set(places)) == 3
    assert named(msgspec.structs.replace(FULL, member=None), "requests", "key", 1) == places[1]
    assert named(FULL, "requests", "key2", 1) not in places
    assert named(FULL, "requests", "key1", 1) != named(FULL, "requests", "key", 11)


@given(st.lists(st.tuples(st.binary(min_size=16, max_size=16), st.integers(-(1 << 62), 1 << 62)), unique=True))
def test_segments_have_names_of_their_own(parts: list[tuple[bytes, int]]) -> None:
    """Per sample and end, and none is the sample's."""
    made = [segment(*part) for part in parts]
    assert len({*made, *(event_id for event_id, _ in parts)}) == len(made) + len({event_id for event_id, _ in parts})

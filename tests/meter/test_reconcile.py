"""Two totals compared: what differs is found and nothing else, sums are exact, no data is not zero."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter import reconcile
from meter.load.mapping import Columns, MappingError
from meter.reconcile import Amounts, Comparison, Place, Tolerance, compare, says, tolerance_of
from meter.reconcile_file import fitted
from meter.reconcile_service import narrowed
from meter.segments import EXACT

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
EXACTLY = Tolerance()


def at(hour: int, meter: str = "tokens.input", *group: str | None) -> Place:
    """Answer a place some hours after START."""
    return Place(meter, START + timedelta(hours=hour), group)


places = st.builds(
    at, st.integers(0, 5), st.sampled_from(["requests", "tokens.input"]), st.sampled_from([None, "", "alice", "bob"])
)
quantities = st.decimals(-(10**20), 10**20, places=12, allow_nan=False, allow_infinity=False)
amounts = st.dictionaries(places, quantities, max_size=20)
tolerances = st.builds(Tolerance, st.decimals(0, 100, places=3), st.decimals(0, 2, places=3))


def sentence(found: Comparison, unit: str = "token", window: str = "hour") -> str:
    """Answer what is said of the only meter."""
    (total,) = found.totals
    return says(total, unit, window)


@given(amounts, tolerances)
def test_equal_sides_agree(same: Amounts, tolerance: Tolerance) -> None:
    """Whatever the tolerance; and the totals are the same."""
    found = compare(same, dict(same), tolerance)
    assert found.agrees
    assert all(total.agrees and total.ours == total.theirs for total in found.totals)


@given(amounts, amounts)
def test_exactly_what_differs_is_listed(ours: Amounts, theirs: Amounts) -> None:
    """Each place that is not equal on both sides, once, in order, with both amounts."""
    found = compare(ours, theirs, EXACTLY)
    wanted = {place for place in {**ours, **theirs} if ours.get(place) != theirs.get(place)}
    listed = [each.place for each in found.differences]
    assert (set(listed), len(listed)) == (wanted, len(wanted))
    assert [(place.meter, place.start) for place in listed] == sorted((place.meter, place.start) for place in listed)
    assert all((each.ours, each.theirs) == (ours.get(each.place), theirs.get(each.place)) for each in found.differences)


@given(amounts, amounts, tolerances)
def test_a_missing_side_is_never_a_number(ours: Amounts, theirs: Amounts, tolerance: Tolerance) -> None:
    """No tolerance makes up for no data, and no difference is told of it."""
    found = compare(ours, theirs, tolerance)
    listed = {each.place: each for each in found.differences}
    for place in ours.keys() ^ theirs.keys():
        assert listed[place].missing == ("here" if place in theirs else "there")
        assert (listed[place].amount, listed[place].percent) == (None, None)


@given(amounts, amounts, tolerances)
def test_sides_can_be_swapped(ours: Amounts, theirs: Amounts, tolerance: Tolerance) -> None:
    """Differences change their sign, missing sides change places; a share is of theirs, so it is left out."""
    plain = tolerance._replace(share=Decimal(0))
    one, other = compare(ours, theirs, plain), compare(theirs, ours, plain)
    assert [(each.place, each.ours, each.theirs) for each in one.differences] == [
        (each.place, each.theirs, each.ours) for each in other.differences
    ]
    assert [(t.differ, t.missing_here, t.missing_there) for t in one.totals] == [
        (t.differ, t.missing_there, t.missing_here) for t in other.totals
    ]


@given(amounts, amounts, tolerances)
def test_more_tolerance_finds_less(ours: Amounts, theirs: Amounts, tolerance: Tolerance) -> None:
    """What is found with a tolerance is found without."""
    strict = {each.place for each in compare(ours, theirs, EXACTLY).differences}
    assert {each.place for each in compare(ours, theirs, tolerance).differences} <= strict


@given(st.dictionaries(places, st.tuples(quantities, quantities), min_size=1, max_size=20))
def test_differences_add_up_to_the_totals(both: dict[Place, tuple[Decimal, Decimal]]) -> None:
    """Exactly, where no side is missing."""
    found = compare({p: o for p, (o, _) in both.items()}, {p: t for p, (_, t) in both.items()}, EXACTLY)
    for total in found.totals:
        by = [each.amount for each in found.differences if each.place.meter == total.meter and each.amount is not None]
        assert reconcile.apart(total.ours, total.theirs) == reduce(EXACT.add, by, Decimal(0))


def test_plain_words() -> None:
    """How much lower or higher, in the unit as people say it, and how many hours."""
    theirs = {at(hour): Decimal(100) for hour in range(4)}
    wrong = theirs | {at(1): Decimal(95), at(2): Decimal(93)}
    assert sentence(compare(wrong, theirs, EXACTLY)) == (
        "tokens.input: our total is 12 tokens lower (3 %): 2 hours differ"
    )
    del wrong[at(0)]
    more = wrong | {at(9): Decimal(1000)}
    assert sentence(compare(more, theirs, EXACTLY)) == (
        "tokens.input: our total is 888 tokens higher (222 %): "
        "2 hours differ, 1 hour missing here, 1 hour missing there"
    )
    assert sentence(compare(theirs, theirs, EXACTLY), window="day") == (
        "tokens.input: all 4 days agree; both totals are the same"
    )
    moved = theirs | {at(0): Decimal(99), at(1): Decimal(101)}
    assert sentence(compare(moved, theirs, EXACTLY)) == "tokens.input: both totals are the same: 2 hours differ"
    assert sentence(compare({}, {at(0): Decimal(1)}, EXACTLY)) == (
        "tokens.input: we have nothing of it: 1 hour missing here"
    )
    near = {at(0): Decimal(1000000001)}
    assert sentence(compare(near, {at(0): Decimal(1000000000)}, Tolerance(Decimal(1)))) == (
        "tokens.input: the one hour agrees; our total is 1 token higher (less than 0.0001 %)"
    )
    assert [reconcile.amount(Decimal(2), unit) for unit in ("GB", "core_hour", "s", "ms")] == [
        "2 GB", "2 core hours", "2 s", "2 ms",
    ]  # fmt: skip


def test_zero_is_not_nothing_unless_asked() -> None:
    """A zero on one side and nothing on the other differ; with the option they agree, other amounts don't."""
    theirs = {at(0): Decimal(0), at(1): Decimal(5)}
    assert [each.missing for each in compare({}, theirs, EXACTLY).differences] == ["here", "here"]
    assert [each.place for each in compare({}, theirs, EXACTLY, zeros_count=False).differences] == [at(1)]
    assert compare({at(0): Decimal(0)}, {}, EXACTLY, zeros_count=False).agrees


def test_an_hour_is_counted_once_however_many_groups_differ() -> None:
    """Hours are what is counted, places are what is listed."""
    ours = {at(0, "requests", name): Decimal(1) for name in ("alice", "bob", None)}
    found = compare(ours, {place: Decimal(2) for place in ours}, EXACTLY)
    assert len(found.differences) == 3
    assert (found.totals[0].differ, found.totals[0].windows) == (1, 1)


@pytest.mark.parametrize(
    ("text", "ours", "theirs", "allowed"),
    [
        ("0", "1", "1.000000000001", False),
        ("0.1%", "999", "1000", True),
        ("0.1%", "998.999", "1000", False),
        ("0.1%", "1", "0", False),
        ("5", "1", "6", True),
        ("5", "1", "6.1", False),
        ("1e-3 %", "99999", "100000", True),
    ],
)
def test_tolerances(text: str, ours: str, theirs: str, *, allowed: bool) -> None:
    """A share is of theirs; an amount is an amount."""
    assert tolerance_of(text).allows(Decimal(ours), Decimal(theirs)) is allowed


@pytest.mark.parametrize("text", ["", "%", "-1", "-0.1%", "NaN", "inf%", "a bit"])
def test_no_tolerance(text: str) -> None:
    """What is none is refused, with how to write one."""
    with pytest.raises(ValueError, match=r"0\.1%, or an amount as 5"):
        tolerance_of(text)


def test_the_mapping_is_made_to_fit() -> None:
    """`from` stands for the time, ids and attributes play no part, columns without a place are left out."""
    columns = Columns(map={"attributes.x": "x", "source": "s"}, set={"service": "chat", "source": "a"}, others="refuse")
    found = fitted(columns, ["from", "to", "id", "quantity", "x", "s"], ())
    assert (found.map, found.set, found.others) == (
        {"time": "from", "quantity": "quantity"}, {"service": "chat"}, "ignore",
    )  # fmt: skip
    assert fitted(Columns(), ["from", "time"], ()).map == {"time": "time"}
    with pytest.raises(MappingError, match=r"--by model: no column has it; write --map dimensions\.model=COLUMN"):
        fitted(Columns(), ["time", "model"], ("model",))
    with pytest.raises(MappingError, match="--ignore duration_seconds"):
        fitted(Columns(), ["time", "quantity", "duration_seconds"], ())
    assert "duration_seconds" not in fitted(Columns(ignore=["duration_seconds"]), ["duration_seconds"], ()).map


def test_texts_for_every_row_narrow_ours() -> None:
    """A file of one service is compared with that service."""
    columns = Columns(set={"service": "chat", "dimensions.model": "small", "meter": "requests", "time": "x"})
    assert narrowed(columns) == {"service": "chat", "model": "small"}

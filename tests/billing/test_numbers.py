"""Numbers by the seller's format: gap-free per counter, one of a kind, and nothing is renamed when it changes."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meter import bill, checks, invoices
from meter.errors import InvoiceNumberTaken
from meter.invoicing.numbers import check_format, numbered, pattern
from meter.rating.periods import Period
from tests.billing.house import NOW, OCTOBER, SELLER, House, make_team

GAPS = "invoice_numbers_have_no_gaps"
DAY = date(2026, 3, 9)
YEARLY = "ACME-{year}-{number_of_year:5}"
FORMATS = st.builds(
    lambda before, counter, digits, after: f"{before}{{year}}{{month}}-{{{counter}{digits}}}{after}",
    st.sampled_from(["", "HM-", "A1_", "7"]),
    st.sampled_from(["number", "number_of_year"]),
    st.sampled_from(["", *(f":{digits}" for digits in range(1, 13))]),
    st.sampled_from(["", ".a", "7", "-00"]),
)


@pytest.mark.parametrize(
    ("text", "number", "shown"),
    [
        ("HM-{number:6}", 1, "HM-000001"),
        ("HM-{number:6}", 1_234_567, "HM-1234567"),
        ("{number}", 12, "12"),
        ("ACME-{year}-{number:5}", 42, "ACME-2026-00042"),
        (YEARLY, 42, "ACME-2026-00042"),
        ("{year}{month}.{number_of_year:3}_X", 7, "202603.007_X"),
        ("{number:12}-{month}", 7, "000000000007-03"),
    ],
)
def test_what_a_format_makes(text: str, number: int, shown: str) -> None:
    """Digits are filled up, never cut off; year and month are of the day of issue."""
    assert numbered(check_format(text), number, DAY) == shown


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "needs one"),
        ("HM-", "needs one"),
        ("{number}{number_of_year}", "needs one"),
        ("{year}-{number}-{number}", "needs one"),
        ("{number_of_year:4}", r"needs \{year\}"),
        ("{month}-{number_of_year}", r"needs \{year\}"),
        ("{year}/{number}", "something else"),
        ("A {number}", "something else"),
        ("Ä{number}", "something else"),
        ("{number:0}", "something else"),
        ("{number:06}", "something else"),
        ("{number:13}", "something else"),
        ("{number!r}", "something else"),
        ("{day}{number}", "something else"),
        ("{{number}}", "something else"),
        ("-{number}", "something else"),
        ("..{number}", "something else"),
        ("{number}\n", "something else"),
        ("{number}" + "9" * 60, "something else"),
        ("{year:4}{number}", "only the counter"),
    ],
)
def test_formats_that_are_refused(text: str, why: str) -> None:
    """What has no counter, two, one that repeats itself, or makes no name of a file."""
    with pytest.raises(ValueError, match=why):
        check_format(text)


@given(FORMATS, st.lists(st.tuples(st.integers(1, 10**7), st.dates()), min_size=2, max_size=2, unique=True))
def test_no_two_are_alike(text: str, two: list[tuple[int, date]]) -> None:
    """Two positions of a counter, or of two counters, never make the same number, whatever the days."""
    counted = {(pattern(text, day).counter_year, number) for number, day in two}
    if len(counted) == 2:
        assert len({numbered(text, number, day) for number, day in two}) == 2


async def issued(house: House, text: str, now: datetime, period: Period = OCTOBER) -> str:
    """Answer the number of the team's invoice of a period, issued by a format at an instant."""
    async with house.pool.connection() as conn:
        made = await bill.generate(conn, house.team, period, replace(SELLER, numbers=text), now)
        found = await invoices.get(conn, made.public_id, house.team.id)
    assert found is not None
    assert found.number is not None
    return found.number


async def gaps(house: House) -> bool:
    """Answer whether the check finds gaps."""
    async with house.pool.connection() as conn:
        (found,) = [each for each in await checks.run(conn, NOW) if each.name == GAPS]
    return not found.holds


def day_of(number: int) -> Period:
    """Answer a day of October as a period of its own."""
    start = OCTOBER.start + timedelta(days=number - 1)
    return Period(start, start + timedelta(days=1), "UTC")


async def test_each_year_begins_anew_where_the_format_says_so(house: House) -> None:
    """The counter that runs for ever goes on beside it; what has a number keeps it."""
    later = NOW.replace(year=2027)
    asked = [("HM-{number:6}", NOW), (YEARLY, NOW), (YEARLY, NOW), (YEARLY, later), ("X{year}-{number}", later)]
    made = [await issued(house, text, now, day_of(n)) for n, (text, now) in enumerate(asked, 1)]
    assert made == ["HM-000001", "ACME-2026-00001", "ACME-2026-00002", "ACME-2027-00001", "X2027-2"]
    async with house.pool.connection() as conn:
        kept = await invoices.list_invoices(conn, house.team.id, None, 10)
    assert [each.number for each in kept[::-1]] == made
    assert {each.seller.numbers for each in kept} == {text for text, _ in asked}
    assert not await gaps(house)


async def test_the_year_is_that_of_the_teams_zone(house: House) -> None:
    """As the date of issue that is printed beside it."""
    new_year = datetime(2026, 12, 31, 20, tzinfo=UTC)
    there = await make_team(house.pool, house.ingest, "credits/payg", "Asia/Kathmandu")
    october = Period(OCTOBER.start, OCTOBER.end, "Asia/Kathmandu")
    assert await issued(house, YEARLY, new_year) == "ACME-2026-00001"
    assert await issued(there, YEARLY, new_year, october) == "ACME-2027-00001"
    assert not await gaps(house)


async def test_a_new_year_is_begun_once_by_teams_side_by_side(house: House) -> None:
    """Its counter is made by whoever comes first; the others wait, and none is lost with what is undone."""
    teams = [await make_team(house.pool, house.ingest, "credits/payg") for _ in range(6)]
    async with house.pool.connection() as conn:
        prepared = await bill.prepare(conn, house.team, OCTOBER, NOW)
        async with conn.transaction(force_rollback=True):
            await bill.conclude(conn, prepared, replace(SELLER, numbers=YEARLY), NOW)
    made = await asyncio.gather(*(issued(team, YEARLY, NOW) for team in teams))
    assert sorted(made) == [f"ACME-2026-{n:05d}" for n in range(1, 7)]
    assert not await gaps(house)


async def test_a_number_that_was_given_by_an_earlier_format_is_refused(house: House) -> None:
    """Nothing of the invoice is left, no number is lost, and another format goes on."""
    assert await issued(house, "A-{year}-{number:5}", NOW, day_of(1)) == "A-2026-00001"
    with pytest.raises(InvoiceNumberTaken, match="earlier format"):
        await issued(house, "A-{year}-{number_of_year:5}", NOW, day_of(2))
    assert await issued(house, "B-{year}-{number_of_year:5}", NOW, day_of(2)) == "B-2026-00001"
    assert not await gaps(house)


@pytest.mark.parametrize(
    "sql",
    [
        "update invoice_counter set last = last + 1 where counter_year = 2026",
        "update invoice_counter set last = last - 1 where counter_year = 2026",
        "delete from invoice_counter where counter_year = 2026",
        "insert into invoice_counter values (4, 2027)",
    ],
)
async def test_the_check_sees_a_gap_in_a_year(house: House, sql: str) -> None:
    """A number too many, one too few, and a counter that is gone or counts nothing."""
    assert await issued(house, YEARLY, NOW, day_of(1)) == "ACME-2026-00001"
    assert await issued(house, YEARLY, NOW, day_of(2)) == "ACME-2026-00002"
    async with house.pool.connection() as conn:
        await conn.execute(sql)
    assert await gaps(house)

"""Grants that come again: at which instants, in any zone, and what is in them then."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from meter.ledger.recurring import Every, Terms, kept, renew, renewals
from meter.ledger.wallet import Burn, Lot, Short, Wallet, balance, deduct, owed, reserve
from meter.rating.periods import month_period

ZONES = ["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
HUNDRED = Decimal(100)
TICK = timedelta(microseconds=1)


def at(text: str) -> datetime:
    """An instant from its ISO text."""
    return datetime.fromisoformat(text)


def terms(every: Every, anchor: str, times: int = 1, effective: str = "1990-01-01T00:00Z") -> Terms:
    """Answer terms of a hundred each time."""
    return Terms(HUNDRED, every, at(anchor), at(effective), times=times)


@pytest.mark.parametrize(
    ("given_terms", "zone", "since", "expected"),
    [
        # The 31st does not drift, and comes back; nor does the 29th of February.
        (
            terms("month", "2026-01-31T12:00Z"),
            "UTC",
            "2026-01-31T12:00Z",
            ["2026-02-28T12:00Z", "2026-03-31T12:00Z", "2026-04-30T12:00Z", "2026-05-31T12:00Z"],
        ),
        (
            terms("year", "2024-02-29T00:00Z"),
            "UTC",
            "2024-02-29T00:00Z",
            ["2025-02-28T00:00Z", "2026-02-28T00:00Z", "2027-02-28T00:00Z", "2028-02-29T00:00Z"],
        ),
        (
            terms("month", "2025-11-30T00:00Z", 3),
            "UTC",
            "2026-01-01T00:00Z",
            ["2026-02-28T00:00Z", "2026-05-30T00:00Z"],
        ),
        (terms("week", "2026-01-05T09:00Z", 2), "UTC", "2026-01-05T09:00Z", ["2026-01-19T09:00Z", "2026-02-02T09:00Z"]),
        # An anchor that is still to come, or long gone, is one instant of the same row.
        (terms("day", "2030-06-01T05:00Z"), "UTC", "2026-01-01T05:00Z", ["2026-01-02T05:00Z", "2026-01-03T05:00Z"]),
        (terms("hour", "1999-01-01T00:30Z", 6), "UTC", "2026-01-01T00:30Z", ["2026-01-01T06:30Z", "2026-01-01T12:30Z"]),
        # Local midnight in Paris, through both clock changes; hours are hours that pass.
        (
            terms("day", "2026-03-27T23:00Z"),
            "Europe/Paris",
            "2026-03-27T23:00Z",
            ["2026-03-28T23:00Z", "2026-03-29T22:00Z", "2026-03-30T22:00Z"],
        ),
        (
            terms("month", "2026-08-31T22:00Z"),
            "Europe/Paris",
            "2026-09-30T22:00Z",
            ["2026-10-31T23:00Z", "2026-11-30T23:00Z"],
        ),
        (
            terms("hour", "2026-03-29T00:30Z"),
            "Europe/Paris",
            "2026-03-29T00:30Z",
            ["2026-03-29T01:30Z", "2026-03-29T02:30Z"],
        ),
        # Half past two is skipped on 29 March (the clock's jump), and comes twice on 25 October (the first).
        (
            terms("day", "2026-03-28T01:30Z"),
            "Europe/Paris",
            "2026-03-28T01:30Z",
            ["2026-03-29T01:00Z", "2026-03-30T00:30Z"],
        ),
        (
            terms("day", "2026-10-24T00:30Z"),
            "Europe/Paris",
            "2026-10-24T00:30Z",
            ["2026-10-25T00:30Z", "2026-10-26T01:30Z"],
        ),
        # Eight o'clock is later in winter than it was in summer, where it is anchored.
        (
            terms("day", "2026-07-01T06:00Z"),
            "Europe/Paris",
            "2026-12-01T06:30Z",
            ["2026-12-01T07:00Z", "2026-12-02T07:00Z"],
        ),
        # An anchor in the second of a repeated hour is renewed then, and at that time of other days.
        (
            terms("day", "2026-10-25T01:30Z"),
            "Europe/Paris",
            "2026-10-24T00:30Z",
            ["2026-10-25T01:30Z", "2026-10-26T01:30Z"],
        ),
        # 30 December 2011 is not there in Apia: the 31st begins once, and a month from the 30th comes when it does.
        (
            terms("day", "2011-12-28T10:00Z"),
            "Pacific/Apia",
            "2011-12-28T10:00Z",
            ["2011-12-29T10:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z"],
        ),
        (
            terms("month", "2011-10-31T00:15:00.25Z"),
            "Pacific/Apia",
            "2011-10-31T00:15:00.25Z",
            ["2011-12-01T00:15:00.25Z", "2011-12-30T10:00Z", "2012-01-30T00:15:00.25Z"],
        ),
        # In UTC it is a month later, in New York it is not.
        (
            terms("month", "2026-02-01T04:30Z"),
            "America/New_York",
            "2026-02-01T04:00Z",
            ["2026-02-01T04:30Z", "2026-03-01T04:30Z", "2026-04-01T03:30Z"],
        ),
    ],
)
def test_when_a_grant_comes_again(given_terms: Terms, zone: str, since: str, expected: list[str]) -> None:
    """After an instant, up to and with another."""
    wanted = [at(each) for each in expected]
    assert list(renewals(given_terms, at(since), wanted[-1], ZoneInfo(zone))) == wanted
    assert list(renewals(given_terms, at(since), wanted[-1] - TICK, ZoneInfo(zone))) == wanted[:-1]


def test_none_before_it_is_in_effect_nor_when_it_has_ended() -> None:
    """Its first amount is the grant's own, and whoever ends it at a renewal does not get it."""
    ending = terms("day", "2026-01-01T00:00Z", effective="2026-01-03T00:00Z")._replace(
        expires_at=at("2026-01-06T00:00Z")
    )
    found = list(renewals(ending, at("2025-01-01T00:00Z"), at("2027-01-01T00:00Z"), ZoneInfo("UTC")))
    assert found == [at("2026-01-04T00:00Z"), at("2026-01-05T00:00Z")]


def test_what_is_no_row_of_instants_is_refused() -> None:
    """Times without a zone, and a grant that comes again every zero days."""
    daily, utc = terms("day", "2026-01-01T00:00Z"), ZoneInfo("UTC")
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - that is refused
    for wrong in (daily._replace(anchor=naive), daily._replace(effective_at=naive), daily._replace(expires_at=naive)):
        with pytest.raises(ValueError, match="has no time zone"):
            list(renewals(wrong, at("2026-01-01T00:00Z"), at("2026-02-01T00:00Z"), utc))
    for since, until in ((naive, at("2026-01-01T00:00Z")), (at("2026-01-01T00:00Z"), naive)):
        with pytest.raises(ValueError, match="has no time zone"):
            list(renewals(daily, since, until, utc))
    with pytest.raises(ValueError, match="every 0 days"):
        list(renewals(daily._replace(times=0), at("2026-01-01T00:00Z"), at("2026-02-01T00:00Z"), utc))


@pytest.mark.parametrize("every", get_args(Every))
def test_the_row_ends_where_dates_do(every: Every) -> None:
    """At the last and first year of the calendar nothing fails."""
    last = datetime.max.replace(tzinfo=UTC)
    found = list(renewals(terms(every, "2026-01-31T12:00Z", 7), last - timedelta(days=9000), last, ZoneInfo("UTC")))
    assert found == sorted(found)
    assert found[-1] > last - timedelta(days=7 * 366)
    first = datetime.min.replace(tzinfo=UTC)
    early = terms(every, "2026-01-31T12:00Z", 7)._replace(effective_at=first)
    assert list(renewals(early, first, first + timedelta(days=9000), ZoneInfo("UTC")))


instants = st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds
zones = st.sampled_from(ZONES).map(ZoneInfo)
any_terms = st.builds(
    lambda every, anchor, times: Terms(HUNDRED, every, anchor, datetime(1989, 1, 1, tzinfo=UTC), times=times),
    st.sampled_from(get_args(Every)),
    instants,
    st.integers(1, 5),
)


def reach(every: Every) -> timedelta:
    """A time in which it comes again a few dozen times."""
    return (
        timedelta(hours=60)
        if every == "hour"
        else timedelta(days={"day": 60, "week": 200, "month": 900}.get(every, 9000))
    )


@given(any_terms, zones, instants)
@example(terms("day", "2011-12-28T10:00Z"), ZoneInfo("Pacific/Apia"), at("2011-12-20T00:00Z"))
def test_each_is_at_the_anchors_time_of_a_day_that_is_its_turn(
    given_terms: Terms, zone: ZoneInfo, since: datetime
) -> None:
    """Held against every local day, asked one by one; only a clock change moves a renewal, to its own instant."""
    assume(given_terms.every != "hour")
    until = since + reach(given_terms.every)
    found = list(renewals(given_terms, since, until, zone))
    anchor = given_terms.anchor.astimezone(zone)
    days = [since.astimezone(zone).date() + timedelta(days=day) for day in range((until - since).days + 3)]
    turns = {day for day in days if is_turn(given_terms, anchor.date(), day)}
    for renewal in found:
        local = renewal.astimezone(zone)
        moved = local.replace(tzinfo=None).time() != anchor.time()
        assert not moved or (renewal - TICK).astimezone(zone).utcoffset() != local.utcoffset()
        before = local.date() - timedelta(days=1)
        assert local.date() in turns or (before in turns and not exists(before, zone))
    inner = {day for day in turns if days[0] < day < until.astimezone(zone).date() and exists(day, zone)}
    assert inner <= {renewal.astimezone(zone).date() for renewal in found}
    assert all(one < other for one, other in pairwise(found))
    assert all(since < renewal <= until for renewal in found)


def is_turn(given_terms: Terms, anchor: date, day: date) -> bool:
    """Whether a grant comes again on a local day."""
    times = given_terms.times
    if given_terms.every in ("day", "week"):
        return (day - anchor).days % (times * (7 if given_terms.every == "week" else 1)) == 0
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    last_of_month = (day + timedelta(days=1)).day == 1
    on_day = day.day == anchor.day or (last_of_month and day.day < anchor.day)
    return on_day and months % (times * (12 if given_terms.every == "year" else 1)) == 0


def exists(day: date, zone: ZoneInfo) -> bool:
    """Whether a zone had that day: Apia left one out."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    return noon.astimezone(UTC).astimezone(zone).date() == day


@given(any_terms, zones, instants, st.floats(0, 1))
def test_asked_in_parts_none_is_missed_and_none_comes_twice(
    given_terms: Terms, zone: ZoneInfo, since: datetime, part: float
) -> None:
    """A job that goes on from where it was gets the same ones as one that asks once."""
    until = since + reach(given_terms.every)
    whole = list(renewals(given_terms, since, until, zone))
    between = since + (until - since) * part
    for middle in (between, whole[len(whole) // 2] if whole else between):
        parts = [*renewals(given_terms, since, middle, zone), *renewals(given_terms, middle, until, zone)]
        assert parts == whole


@given(instants, zones, st.integers(1, 31), instants)
def test_a_month_from_local_midnight_is_the_billing_period(
    anchored: datetime, zone: ZoneInfo, day: int, since: datetime
) -> None:
    """So credits come again when a month of the bill begins."""
    local = anchored.astimezone(zone)
    start = datetime(local.year, 1, day, tzinfo=zone).astimezone(UTC)  # January has every day
    monthly = Terms(HUNDRED, "month", start, datetime(1989, 1, 1, tzinfo=UTC))
    period = month_period(since, zone.key, day)
    assert next(renewals(monthly, since, since + timedelta(days=70), zone)) == period.end
    assert next(renewals(monthly, period.start - TICK, since, zone)) == period.start


@given(instants, st.integers(1, 50), instants)
def test_hours_pass_whatever_clocks_are_set_to(anchor: datetime, times: int, since: datetime) -> None:
    """Every one is whole steps from the anchor."""
    step = timedelta(hours=times)
    hourly = Terms(HUNDRED, "hour", anchor, datetime(1989, 1, 1, tzinfo=UTC), times=times)
    found = list(renewals(hourly, since, since + 5 * step, ZoneInfo("Europe/Paris")))
    assert len(found) == 5
    assert all((renewal - anchor) % step == timedelta(0) for renewal in found)


DAILY = terms("day", "2026-01-01T00:00Z")
NOW = at("2026-01-02T00:00Z")


def having(left: int | Decimal) -> Wallet:
    """Answer a wallet with one grant that has something left."""
    lot = Lot(7, 1, at("2026-01-01T00:00Z"), None, frozenset(), Decimal(left))
    return Wallet(1, "EUR", None, None, balance=lot.left, lots=(lot,))


@pytest.mark.parametrize(
    ("amount", "least", "most", "left", "lost", "anew"),
    [
        (100, 0, 0, 0, 0, 100),
        (100, 0, 0, 40, 40, 100),
        (100, 0, 50, 40, 0, 100),
        (100, 0, 50, 70, 20, 100),
        (100, 0, None, 70, 0, 100),
        (100, 30, 50, 10, 0, 120),
        (0, 100, 100, 40, 0, 60),
        (0, 100, 100, 140, 40, 0),
        (0, 0, 0, 40, 40, 0),
        (0, 0, None, 40, 0, 0),
        (0, 50, 20, 10, 0, 10),
    ],
)
def test_what_is_in_a_grant_that_came_again(
    amount: int, least: int, most: int | None, left: int, lost: int, anew: int
) -> None:
    """What of its rest is lost and what is given, by how much of it is kept."""
    changed = DAILY._replace(
        amount=Decimal(amount), keep_least=Decimal(least), keep_most=None if most is None else Decimal(most)
    )
    found = renew(having(left), 7, changed, NOW)
    assert found.lost == ((Burn(7, Decimal(lost)),) if lost else ())
    assert found.given == ((Burn(7, Decimal(-anew)),) if anew else ())
    assert found.wallet.lots[0].left == found.wallet.balance == left - lost + anew
    assert found.wallet.balance == amount + kept(changed, Decimal(left))


def test_what_is_owed_is_paid_when_it_comes_again() -> None:
    """Of what is given anew, and the burns of the grant say so."""
    owing, _ = deduct(having(30), "tokens", Decimal(50), NOW - TICK)
    assert owed(owing) == 20
    found = renew(owing, 7, DAILY, NOW)
    assert found.lost == ()
    assert [owed(found.wallet), found.wallet.lots[0].left] == [0, 80]
    assert found.given == (Burn(7, Decimal(-100)), Burn(7, Decimal(20)), Burn(None, Decimal(-20), "tokens"))
    assert sum(burn.amount for burn in found.given) == -100


def test_what_is_reserved_stays() -> None:
    """A call that was allowed is not refused because its grant came again: what is lost is what is free."""
    reserved = reserve(having(30), {"tokens": Decimal(25)}, NOW)
    assert not isinstance(reserved, Short)
    found = renew(reserved[0], 7, DAILY, NOW)
    lot = found.wallet.lots[0]
    assert found.lost == (Burn(7, Decimal(5)),)
    assert [lot.left, lot.reserved] == [125, 25]


def test_only_a_grant_in_effect_comes_again() -> None:
    """Not one that ended, nor one that is still to begin."""
    ended = having(30)
    ended = ended._replace(lots=(ended.lots[0]._replace(expires_at=NOW),))
    early = ended._replace(lots=(ended.lots[0]._replace(effective_at=NOW + TICK, expires_at=None),))
    for wrong in (ended, early):
        with pytest.raises(ValueError, match="grant 7 is not in effect"):
            renew(wrong, 7, DAILY, NOW)


quantities = st.decimals(0, 500, places=3)


@given(quantities, quantities, quantities, st.none() | quantities, quantities)
def test_burns_and_balances_agree(
    amount: Decimal, left: Decimal, least: Decimal, most: Decimal | None, used: Decimal
) -> None:
    """The burns say what the balance changed by, and the grant is never below zero."""
    changed = DAILY._replace(amount=amount, keep_least=least, keep_most=most)
    before, _ = deduct(having(left), "tokens", used, NOW - TICK)
    found = renew(before, 7, changed, NOW)
    moved = sum((burn.amount for burn in (*found.lost, *found.given)), Decimal(0))
    assert found.wallet.balance == before.balance - moved == balance(found.wallet, NOW)
    assert found.wallet.lots[0].left >= 0
    assert all(burn.amount > 0 for burn in found.lost)
    assert found.wallet.balance == amount + kept(changed, before.lots[0].left) - owed(before)

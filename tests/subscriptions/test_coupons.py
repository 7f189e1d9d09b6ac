"""Which coupons a period has, and which of its periods that is for each."""

from __future__ import annotations

import pytest

from meter.subscriptions.changes import Cancel, Change, ChangePlan, GiveCoupon, Start, TakeCoupon
from meter.subscriptions.timeline import coupons_at, coupons_in, period_at
from tests.subscriptions.cast import PARIS, TICK, at, log

START = ("2026-01-05", Start("calls/free"))


def in_period(changes: tuple[Change, ...], instant: str, zone: str = "UTC") -> tuple[tuple[str, int], ...]:
    """The coupons of the period that holds an instant."""
    period = period_at(changes, zone, at(instant))
    assert period is not None
    return coupons_in(changes, zone, period)


@pytest.mark.parametrize(
    ("given", "instant", "number"),
    [
        ("2026-03-29T01:30", "2026-03-01", 1),
        ("2026-03-31T23:59:59.999999", "2026-03-10", 1),
        ("2026-03-01", "2026-03-10", 1),
        ("2026-03-01", "2026-02-10", None),
        ("2026-03-15", "2026-04-10", 2),
        ("2026-03-15", "2027-03-10", 13),
    ],
)
def test_the_period_it_was_given_in_is_the_first(given: str, instant: str, number: int | None) -> None:
    """However late in it."""
    changes = log(START, (given, GiveCoupon("spring")))
    assert in_period(changes, instant) == (() if number is None else (("spring", number),))


def test_in_the_team_s_zone() -> None:
    """23:30 UTC on the last of March is April in Paris."""
    changes = log(START, ("2026-03-31T23:30", GiveCoupon("spring")))
    assert in_period(changes, "2026-03-31", PARIS) == ()
    assert in_period(changes, "2026-04-05", PARIS) == (("spring", 1),)


@pytest.mark.parametrize(
    ("taken", "instant", "number"),
    [
        ("2026-04-10", "2026-03-10", 1),
        ("2026-04-10", "2026-04-05", None),
        ("2026-05-01", "2026-04-05", 2),  # from the next period on
        ("2026-03-15T12:00", "2026-03-10", None),
    ],
)
def test_taken_away_before_the_end_it_lowers_nothing(taken: str, instant: str, number: int | None) -> None:
    """Of the whole period."""
    changes = log(START, ("2026-03-15T12:00", GiveCoupon("spring")), (taken, TakeCoupon("spring")))
    assert in_period(changes, instant) == (() if number is None else (("spring", number),))


def test_in_the_order_given_and_anew_when_given_again() -> None:
    """A coupon that is given while the team has it begins nothing new."""
    changes = log(
        START,
        ("2026-02-10", GiveCoupon("spring")),
        ("2026-02-11", GiveCoupon("early")),
        ("2026-03-10", GiveCoupon("spring")),
        ("2026-03-11", TakeCoupon("early")),
        ("2026-03-12", GiveCoupon("early")),
    )
    assert in_period(changes, "2026-02-20") == (("spring", 1), ("early", 1))
    assert in_period(changes, "2026-03-20") == (("spring", 2), ("early", 1))
    assert coupons_at(changes, at("2026-03-11")) == ("spring",)
    assert coupons_at(changes, at("2026-03-11") - TICK) == ("spring", "early")


def test_periods_that_were_cut_short_count() -> None:
    """And months without a plan do not; a coupon outlives a cancellation."""
    changes = log(
        START,
        ("2026-02-10", GiveCoupon("spring")),
        ("2026-02-20", ChangePlan("calls/pro", restart=True)),
        ("2026-03-05", Cancel()),
        ("2026-06-10", Start("calls/pro")),
    )
    assert [
        in_period(changes, instant)[0][1] for instant in ("2026-02-15", "2026-03-01", "2026-06-15", "2026-07-15")
    ] == [
        1,
        2,
        3,
        4,
    ]


def test_given_while_there_is_no_plan() -> None:
    """Its first period is the next there is."""
    changes = log(
        START, ("2026-02-20", Cancel()), ("2026-03-10", GiveCoupon("spring")), ("2026-06-10", Start("calls/pro"))
    )
    assert in_period(changes, "2026-02-10") == ()
    assert in_period(changes, "2026-06-15") == (("spring", 1),)

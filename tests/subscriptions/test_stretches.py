"""Which plan when: each log written out, each answer by hand."""

from __future__ import annotations

import msgspec
import pytest

from meter.rating.periods import month_period
from meter.subscriptions.changes import (
    Cancel,
    Change,
    ChangePlan,
    Decision,
    GiveCoupon,
    SetAddon,
    SetQuantity,
    Start,
    TakeCoupon,
    standing,
)
from meter.subscriptions.timeline import begun, edges, served, stretch_at, stretches
from tests.subscriptions.cast import at, log, short, told, withdrawn

START = ("2026-03-10T09:00", Start("calls/free"))
DECISIONS: list[tuple[Decision, str]] = [
    (Start("calls/free", 31, restart=True), '{"type":"start","plan":"calls/free","anchor_day":31,"restart":true}'),
    (
        ChangePlan("calls/pro", "none"),
        '{"type":"plan","plan":"calls/pro","unused":"none","restart":false,"ends_trial":false}',
    ),
    (Cancel("refund"), '{"type":"cancel","unused":"refund"}'),
    (SetQuantity("seats", 5), '{"type":"quantity","name":"seats","quantity":5}'),
    (SetAddon("support", 1), '{"type":"addon","addon":"support","quantity":1}'),
    (GiveCoupon("spring"), '{"type":"coupon","coupon":"spring"}'),
    (TakeCoupon("spring"), '{"type":"coupon_taken","coupon":"spring"}'),
]


def test_nobody_decided_anything() -> None:
    """Without a start there is nothing, whatever else was decided."""
    assert stretches(()) == ()
    assert stretches(log(("2026-03-01", ChangePlan("calls/pro")), ("2026-03-02", Cancel()))) == ()
    assert begun(()) is None
    assert served((), month_period(at("2026-03-01"), "UTC")) == ()


def test_the_first_plan_holds_before_it_began() -> None:
    """Usage may be sent for a time before the team was made; what is served begins with the plan."""
    changes = log(START)
    assert told(stretches(changes)) == [(None, None, "calls/free")]
    assert begun(changes) == at("2026-03-10T09:00")
    assert served(changes, month_period(at("2026-02-01"), "UTC")) == ()
    assert served(changes, month_period(at("2026-03-01"), "UTC")) == ((at("2026-03-10T09:00"), at("2026-04-01")),)


def test_plans_follow_each_other() -> None:
    """Each holds until the next, and says what becomes of its fee."""
    changes = log(START, ("2026-03-17T12:00", ChangePlan("calls/pro", "refund")), ("2026-05-01", Cancel("none")))
    assert told(stretches(changes)) == [
        (None, "2026-03-17T12:00", "calls/free"),
        ("2026-03-17T12:00", "2026-05-01T00:00", "calls/pro"),
    ]
    assert [s.unused for s in stretches(changes)] == ["refund", "none"]


def test_nothing_between_a_cancellation_and_a_new_start() -> None:
    """Whatever is decided in between does nothing; the new start has nothing beside the plan."""
    changes = log(
        START,
        ("2026-03-11", SetQuantity("seats", 3)),
        ("2026-04-05", Cancel()),
        ("2026-04-06", ChangePlan("calls/pro")),
        ("2026-04-07", Cancel("refund")),
        ("2026-04-10", Start("calls/pro")),
    )
    assert told(stretches(changes)) == [
        (None, "2026-03-11T00:00", "calls/free"),
        ("2026-03-11T00:00", "2026-04-05T00:00", "calls/free"),
        ("2026-04-10T00:00", None, "calls/pro"),
    ]
    assert stretch_at(changes, at("2026-04-07")) is None
    assert [s.quantities for s in stretches(changes)] == [{}, {"seats": 3}, {}]
    assert [s.unused for s in stretches(changes)] == [None, "credit", None]
    april = month_period(at("2026-04-01"), "UTC")
    assert served(changes, april) == ((at("2026-04-01"), at("2026-04-05")), (at("2026-04-10"), at("2026-05-01")))


def test_back_and_forth_in_a_day() -> None:
    """Each change cuts at its microsecond."""
    changes = log(
        START,
        ("2026-03-29T01:30", ChangePlan("calls/pro")),
        ("2026-03-29T01:30:00.000001", ChangePlan("calls/free")),
        ("2026-03-29T20:00", ChangePlan("calls/pro")),
    )
    assert told(stretches(changes)) == [
        (None, "2026-03-29T01:30", "calls/free"),
        ("2026-03-29T01:30", "2026-03-29T01:30:00.000001", "calls/pro"),
        ("2026-03-29T01:30:00.000001", "2026-03-29T20:00", "calls/free"),
        ("2026-03-29T20:00", None, "calls/pro"),
    ]
    march = month_period(at("2026-03-15"), "UTC")
    assert served(changes, march) == ((at("2026-03-10T09:00"), march.end),)  # it never stopped


def at_once(*decisions: Decision) -> list[tuple[str | None, str | None, str]]:
    """A plan since March, and these decided in this order for one instant."""
    return told(stretches(log(START, *(("2026-04-02", said) for said in decisions))))


FREE = (None, "2026-04-02T00:00", "calls/free")
PRO = ("2026-04-02T00:00", None, "calls/pro")


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ([ChangePlan("calls/pro")], [FREE, PRO]),
        ([ChangePlan("calls/max"), ChangePlan("calls/pro")], [FREE, PRO]),
        ([ChangePlan("calls/pro"), ChangePlan("calls/free")], [(None, None, "calls/free")]),
        ([ChangePlan("calls/pro"), Cancel()], [FREE]),
        ([Cancel(), ChangePlan("calls/pro")], [FREE]),
        ([Cancel(), Start("calls/pro")], [FREE, PRO]),
        ([Start("calls/max"), ChangePlan("calls/pro")], [FREE, PRO]),
        ([Start("calls/pro"), Cancel()], [FREE]),
        ([Cancel(), Start("calls/pro"), Cancel(), Start("calls/pro")], [FREE, PRO]),
        # The period is cut, so the plan's fee is settled there, though the plan is the same.
        ([Cancel(), Start("calls/free")], [FREE, ("2026-04-02T00:00", None, "calls/free")]),
        ([ChangePlan("calls/free", restart=True)], [FREE, ("2026-04-02T00:00", None, "calls/free")]),
    ],
)
def test_of_one_instant_the_last_decided_wins(
    decisions: list[Decision], expected: list[tuple[str | None, str | None, str]]
) -> None:
    """What was replaced at once was never had."""
    assert at_once(*decisions) == expected


@pytest.mark.parametrize(
    ("decisions", "unused"),
    [
        ([ChangePlan("calls/max", "none"), ChangePlan("calls/pro", "refund")], "refund"),
        ([Cancel("none"), Start("calls/pro")], "none"),
        ([Cancel("none"), Cancel("refund")], "refund"),
        ([Cancel("none"), Start("calls/pro"), Cancel("refund")], "refund"),
        ([Start("calls/pro")], "credit"),
        ([ChangePlan("calls/free", "none", restart=True)], "none"),
        ([SetQuantity("seats", 2), ChangePlan("calls/pro", "refund")], "refund"),
        ([SetQuantity("seats", 2), ChangePlan("calls/free", "refund")], None),
        ([SetAddon("support", 1)], None),
    ],
)
def test_what_becomes_of_a_fee_is_the_last_word_too(decisions: list[Decision], unused: str | None) -> None:
    """Said of the plan that ended; a plan that goes on has nothing unused."""
    first = stretches(log(START, *(("2026-04-02", said) for said in decisions)))[0]
    assert (first.unused, short(first.end)) == (unused, "2026-04-02T00:00")


def test_the_first_plan_is_the_one_that_was_had() -> None:
    """A first plan replaced in its first instant prices nothing before it."""
    assert told(stretches(log(START, (START[0], ChangePlan("calls/pro"))))) == [(None, None, "calls/pro")]
    again = log(START, (START[0], Cancel()), ("2026-04-01", Start("calls/pro")))
    assert told(stretches(again)) == [(None, None, "calls/pro")]
    assert begun(again) == at("2026-04-01")


def test_add_ons_and_quantities_go_on_with_another_plan() -> None:
    """They are counted by name, zero is none, and what is the same again cuts nothing."""
    changes = log(
        START,
        ("2026-03-12", SetQuantity("seats", 5)),
        ("2026-03-13", SetQuantity("seats", 5)),
        ("2026-03-14", SetAddon("support", 1)),
        ("2026-03-15", ChangePlan("calls/pro")),
        ("2026-03-16", SetQuantity("seats", 0)),
    )
    assert [(short(s.start), s.plan, s.quantities, s.addons) for s in stretches(changes)] == [
        (None, "calls/free", {}, {}),
        ("2026-03-12T00:00", "calls/free", {"seats": 5}, {}),
        ("2026-03-14T00:00", "calls/free", {"seats": 5}, {"support": 1}),
        ("2026-03-15T00:00", "calls/pro", {"seats": 5}, {"support": 1}),
        ("2026-03-16T00:00", "calls/pro", {}, {"support": 1}),
    ]
    assert [short(edge) for edge in edges(changes, at("2026-03-12"), at("2026-03-16"))] == [
        "2026-03-14T00:00",
        "2026-03-15T00:00",
    ]


def test_edges_are_where_a_gap_begins_and_ends() -> None:
    """Each once, and the ends of what is asked for are none."""
    changes = log(START, ("2026-04-02", Cancel()), ("2026-04-05", Start("calls/pro")))
    assert [short(edge) for edge in edges(changes, at("2026-03-01"), at("2026-05-01"))] == [
        "2026-04-02T00:00",
        "2026-04-05T00:00",
    ]
    assert edges(changes, at("2026-04-02"), at("2026-04-05")) == ()


def test_what_was_withdrawn_was_never_decided() -> None:
    """Nor does the order matter in which a log is read."""
    changes = log(START, ("2026-04-02", Cancel()), ("2026-04-05", ChangePlan("calls/pro")))
    assert told(stretches(changes)) == [FREE]
    assert stretches(withdrawn(changes, 2)) == stretches(log(START, ("2026-04-05", ChangePlan("calls/pro"))))
    changes = log(START, ("2026-04-02", ChangePlan("calls/max")), ("2026-04-02", ChangePlan("calls/pro")))
    assert told(stretches(reversed(changes))) == [FREE, PRO]
    assert standing(withdrawn(changes, 1, 2, 3)) == ()


@pytest.mark.parametrize(("decision", "text"), DECISIONS)
def test_decisions_are_kept_as_json(decision: Decision, text: str) -> None:
    """What is stored says its kind, and reads back as what it was."""
    assert msgspec.json.encode(decision).decode() == text
    assert msgspec.json.decode(text, type=Decision) == decision


def test_an_instant_of_a_change_is_utc() -> None:
    """Local times would order wrongly beside each other in arithmetic."""
    with pytest.raises(ValueError, match="not UTC"):
        Change(1, at("2026-03-01T00:00+01:00"), Cancel(), at("2026-03-01"), "us")

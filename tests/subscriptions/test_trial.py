"""Trials: when they end, and that nobody tries for nothing for ever."""

from __future__ import annotations

import pytest

from meter.rating.book import load_book, parse_book
from meter.subscriptions.changes import ChangePlan, Decided, Outcome, Start
from meter.subscriptions.choices import choice_of
from meter.subscriptions.decide import cancel, change_plan, resume, start
from meter.subscriptions.refusals import Refused
from meter.subscriptions.timeline import periods, stretches
from meter.subscriptions.trial import days_later, ends_at
from meter.subscriptions.wish import Choice, Facts, Phase, Step
from tests.subscriptions.cast import PARIS, after, at, edges_of, on, short, told

TRIAL = Choice("credits/trial", trial=(Step(14, "credits/starter"),))
PRO, STARTER = Choice("credits/pro"), Choice("credits/starter")
NOW = at("2026-03-17T15:00")
NOBODY = Facts((), PARIS, NOW)


@pytest.mark.parametrize(
    ("zone", "begun", "days", "ended"),
    [
        ("UTC", "2026-03-17T15:00", 14, "2026-03-31T15:00"),
        (PARIS, "2026-03-17T15:00", 14, "2026-03-31T14:00"),  # the same hour by the clock, an hour less
        (PARIS, "2026-03-15T01:30", 14, "2026-03-29T01:00"),  # 02:30 is skipped: when clocks jump
        (PARIS, "2026-10-11T00:30", 14, "2026-10-25T00:30"),  # 02:30 comes twice: the first
        (PARIS, "2026-10-25T01:30", 7, "2026-11-01T01:30"),  # from the second 02:30
        ("Asia/Kathmandu", "2026-03-17T15:00", 14, "2026-03-31T15:00"),
        ("Australia/Lord_Howe", "2026-03-28T00:00", 14, "2026-04-11T00:30"),
        ("America/Sao_Paulo", "2018-10-28T03:00", 7, "2018-11-04T03:00"),  # midnight is skipped
        ("Pacific/Apia", "2011-12-29T22:00", 1, "2011-12-30T10:00"),  # the day is skipped
        ("UTC", "2026-01-17T10:00", 14, "2026-01-31T10:00"),
    ],
)
def test_the_same_local_time_so_many_days_later(zone: str, begun: str, days: int, ended: str) -> None:
    """Through every change of clocks."""
    assert short(days_later(at(begun), days, zone)) == ended


def test_a_trial_becomes_a_plan() -> None:
    """Decided with it, so that nobody has to be there when it ends."""
    outcome = start(NOBODY, TRIAL)
    end = at("2026-03-31T14:00")
    assert outcome.decided == (
        (NOW, Start("credits/trial")),
        (end, ChangePlan("credits/starter", ends_trial=True)),
    )
    known = after(NOBODY, outcome)
    assert ends_at(known.changes, NOW) == end
    assert ends_at(known.changes, end) is None
    assert [edges_of(p) for p in periods(known.changes, PARIS, NOW, at("2026-04-02"))] == [
        ("2026-02-28T23:00", "2026-03-31T22:00"),
        ("2026-03-31T22:00", "2026-04-30T22:00"),
    ]


def test_by_anniversary_the_paid_months_begin_when_the_trial_ends() -> None:
    """On a 31st: the anchor comes back after shorter months."""
    known = after(NOBODY, start(NOBODY, TRIAL, restart=True))
    assert [edges_of(p) for p in periods(known.changes, PARIS, NOW, at("2026-06-15"))] == [
        ("2026-03-17T15:00", "2026-03-31T14:00"),
        ("2026-03-31T14:00", "2026-04-29T22:00"),
        ("2026-04-29T22:00", "2026-05-30T22:00"),
        ("2026-05-30T22:00", "2026-06-29T22:00"),
    ]


@pytest.mark.parametrize("restart", [False, True])
def test_at_the_end_of_the_period_a_trial_is_over_before_it_costs(restart: bool) -> None:  # noqa: FBT001 - a case
    """Whoever cancels while trying never pays; another plan begins when the trial ends."""
    known = after(NOBODY, start(NOBODY, TRIAL, restart=restart))
    end = at("2026-03-31T14:00")
    ended = after(known, cancel(known))
    assert told(stretches(ended.changes)) == [(None, "2026-03-31T14:00", "credits/trial")]
    assert ends_at(ended.changes, NOW) == end
    assert ends_at(ended.changes, end) is None
    chosen = change_plan(known, PRO, "period_end")
    assert chosen.decided == ((end, ChangePlan("credits/pro")),)
    assert [c.decision for c in chosen.withdrawn] == [ChangePlan("credits/starter", restart=restart, ends_trial=True)]


def test_a_plan_chosen_while_trying_ends_the_trial() -> None:
    """And nobody is put on another afterwards."""
    known = after(NOBODY, start(NOBODY, TRIAL))
    assert told(stretches(after(known, change_plan(known, PRO)).changes)) == [(None, None, "credits/pro")]
    later = on(known, "2026-03-20")
    assert told(stretches(after(later, change_plan(later, PRO)).changes)) == [
        (None, "2026-03-20T00:00", "credits/trial"),
        ("2026-03-20T00:00", None, "credits/pro"),
    ]
    assert ends_at(after(later, change_plan(later, PRO)).changes, later.now) is None


def reason(known: Facts, choice: Choice) -> str:
    """Why a plan can't be chosen."""
    with pytest.raises(Refused) as caught:
        change_plan(known, choice)
    return caught.value.reason


def test_nobody_tries_twice() -> None:
    """Not by leaving, by planning to leave, nor by cancelling and starting again."""
    trying = on(after(NOBODY, start(NOBODY, TRIAL)), "2026-03-20")
    assert reason(trying, TRIAL) == "same_plan"
    planned = after(trying, change_plan(trying, PRO, "period_end"))
    assert reason(planned, TRIAL) == "same_plan"  # or the trial would have lost its end
    left = on(after(trying, change_plan(trying, PRO)), "2026-03-25")
    assert reason(left, TRIAL) == "trial_used"
    gone = on(after(trying, cancel(trying, "now")), "2026-03-25")
    with pytest.raises(Refused) as caught:
        start(gone, TRIAL)
    assert caught.value.reason == "trial_used"
    assert [change.at for change in resume(gone, TRIAL).withdrawn] == [at("2026-03-20")]  # the same trial goes on
    allowed = Facts(left.changes, PARIS, left.now, operator=True)
    assert [said.at for said in change_plan(allowed, TRIAL).decided] == [left.now, at("2026-04-07T23:00")]


def test_a_cancelled_trial_that_is_resumed_still_ends() -> None:
    """The end stayed in the log."""
    trying = after(NOBODY, start(NOBODY, TRIAL))
    back = after(after(trying, cancel(trying)), resume(after(trying, cancel(trying)), TRIAL))
    assert stretches(back.changes) == stretches(trying.changes)


def test_a_trial_between_plans() -> None:
    """By anniversary its end begins a period, as the subscription goes by its own days."""
    for restart in (False, True):
        paying = on(after(NOBODY, start(NOBODY, STARTER, restart=restart)), "2026-05-01")
        assert change_plan(paying, TRIAL) == Outcome(
            (
                Decided(paying.now, ChangePlan("credits/trial")),
                Decided(at("2026-05-15"), ChangePlan("credits/starter", restart=restart, ends_trial=True)),
            )
        )


@pytest.mark.parametrize(
    ("phase", "plans"),
    [
        ("2026-03-25", ["credits/trial", "credits/pro"]),
        ("2026-03-31T14:00", ["credits/trial", "credits/pro"]),
        ("2026-04-10", ["credits/trial", "credits/starter", "credits/pro"]),
    ],
)
def test_a_phase_takes_over_from_a_trial(phase: str, plans: list[str]) -> None:
    """What the trial would become by then, it becomes."""
    outcome = start(NOBODY, TRIAL, phases=[Phase(PRO, at(phase))])
    assert len(outcome.decided) == len(plans)
    known = after(NOBODY, outcome)
    assert [s.plan for s in stretches(known.changes)] == plans


BOOK = """
name = "test"
title = "Test"
currency = "EUR"
[plans.old]
title = "Old"
retired = true
[plans.look]
title = "Look"
trial = true
trial_days = 7
then = "try"
[plans.try]
title = "Try"
trial = true
trial_days = 14
then = "pro"
[plans.pro]
title = "Pro"
[plans.pro.prices.seats]
title = "Seats"
model = "flat"
unit = "seat"
unit_amount = "10"
times = "seats"
[addons.support]
title = "Support"
base_fee = "5"
plans = ["pro"]
[addons.backup]
title = "Backup"
base_fee = "5"
"""


def test_a_choice_of_a_book() -> None:
    """What may be beside a plan, whether it is offered, and every trial it leads through."""
    book = parse_book(BOOK, "test.toml")
    both, one = frozenset({"support", "backup"}), frozenset({"backup"})
    assert choice_of(book, book.plans["pro"]) == Choice("test/pro", (), both, frozenset({"seats"}))
    assert choice_of(book, book.plans["old"]).retired
    look = choice_of(book, book.plans["look"])
    assert look == Choice("test/look", (Step(7, "test/try"), Step(14, "test/pro")), one, frozenset())
    known = after(NOBODY, start(NOBODY, look))
    assert told(stretches(known.changes)) == [
        (None, "2026-03-24T15:00", "test/look"),
        ("2026-03-24T15:00", "2026-04-07T14:00", "test/try"),
        ("2026-04-07T14:00", None, "test/pro"),
    ]


def test_the_trial_of_the_demo_book() -> None:
    """Two weeks, then the starter plan."""
    book = load_book("credits")
    assert choice_of(book, book.plans["trial"]).trial == (Step(14, "credits/starter"),)

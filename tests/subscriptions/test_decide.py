"""What wishes about plans become: what is decided, what is withdrawn for it, what is refused."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from meter.subscriptions.changes import (
    Cancel,
    ChangePlan,
    Decided,
    GiveCoupon,
    Outcome,
    SetAddon,
    SetQuantity,
    Start,
)
from meter.subscriptions.decide import cancel, change_plan, last_plan, resume, start
from meter.subscriptions.extras import set_quantity
from meter.subscriptions.refusals import Refused
from meter.subscriptions.timeline import periods, stretches
from meter.subscriptions.wish import Choice, Facts, Phase
from tests.subscriptions.cast import PARIS, after, at, edges_of, log, on, told, withdrawn

FREE, PRO, MAX = Choice("calls/free"), Choice("calls/pro"), Choice("calls/max")
BEGUN = ("2026-01-05", Start("calls/free"))
NOW = at("2026-03-10T09:00")


def facts(*entries: object, zone: str = "UTC", billed_until: str | None = None, operator: bool = False) -> Facts:
    """A team on calls/free since January, and what else was decided; now is a morning in March."""
    billed = None if billed_until is None else at(billed_until)
    return Facts(log(BEGUN, *entries), zone, NOW, billed, operator)  # type: ignore[arg-type]


def refused(wish: Callable[[], Outcome]) -> str:
    """Why a wish becomes nothing."""
    with pytest.raises(Refused) as caught:
        wish()
    assert str(caught.value)
    return caught.value.reason


def test_a_change_now() -> None:
    """One decision, at now."""
    assert change_plan(facts(), PRO) == Outcome((Decided(NOW, ChangePlan("calls/pro")),))


@pytest.mark.parametrize(("zone", "end"), [("UTC", "2026-04-01"), (PARIS, "2026-03-31T22:00")])
def test_a_change_at_the_period_s_end(zone: str, end: str) -> None:
    """In the team's zone, through the change of clocks."""
    outcome = change_plan(facts(zone=zone), PRO, "period_end", unused="none")
    assert outcome == Outcome((Decided(at(end), ChangePlan("calls/pro", "none")),))


def test_a_change_at_an_instant_in_any_zone() -> None:
    """Kept in UTC."""
    outcome = change_plan(facts(), PRO, at("2026-03-29T03:00+02:00"))
    assert outcome.decided == ((at("2026-03-29T01:00Z"), ChangePlan("calls/pro")),)
    assert outcome.decided[0].at.utcoffset() == NOW.utcoffset()


def test_a_new_decision_withdraws_what_was_to_come() -> None:
    """Changes after it and cancellations, said in the answer; what comes before it stays."""
    known = facts(
        ("2026-03-20", ChangePlan("calls/pro")),
        ("2026-04-01", ChangePlan("calls/free")),
        ("2026-05-01", Cancel()),
        ("2026-04-15", SetQuantity("seats", 2)),
    )
    assert [c.id for c in change_plan(known, MAX).withdrawn] == [2, 3, 4]
    scheduled = change_plan(known, MAX, "period_end")
    assert [c.id for c in scheduled.withdrawn] == [3, 4]
    assert told(stretches(after(known, scheduled).changes))[:3] == [
        (None, "2026-03-20T00:00", "calls/free"),
        ("2026-03-20T00:00", "2026-04-01T00:00", "calls/pro"),
        ("2026-04-01T00:00", "2026-04-15T00:00", "calls/max"),
    ]


def test_a_change_after_a_cancellation_to_come_withdraws_it() -> None:
    """Whoever chooses a plan for June wants one in May."""
    known = facts(("2026-04-01", Cancel()))
    assert [c.id for c in change_plan(known, PRO, at("2026-06-01")).withdrawn] == [2]


def test_a_cancellation_to_come_ends_no_period_for_who_stays() -> None:
    """At the period's end is when it ended had nobody cancelled."""
    known = facts(("2026-03-20", Cancel()))
    assert change_plan(known, PRO, "period_end").decided[0].at == at("2026-04-01")


def test_the_plan_there_is_withdraws_what_was_to_become_of_it() -> None:
    """And is refused where nothing was."""
    known = facts(("2026-04-01", ChangePlan("calls/pro")), ("2026-05-01", Cancel()))
    outcome = change_plan(known, FREE)
    assert outcome.decided == ()
    assert [c.id for c in outcome.withdrawn] == [2, 3]
    assert refused(lambda: change_plan(facts(), FREE)) == "same_plan"
    assert refused(lambda: change_plan(facts(("2026-03-01", ChangePlan("calls/pro"))), PRO)) == "same_plan"
    # Beginning the period anew is a wish of its own.
    operator = msgspec.structs.replace(facts(), operator=True)
    assert change_plan(operator, FREE, restart=True).decided == ((NOW, ChangePlan("calls/free", restart=True)),)
    assert refused(lambda: change_plan(facts(), FREE, restart=True)) == "operator_only"


def test_what_the_new_plan_may_not_have_is_taken_away() -> None:
    """From the change on, and what of it was to come."""
    known = facts(
        ("2026-02-01", SetAddon("support", 1)),
        ("2026-02-01", SetAddon("backup", 2)),
        ("2026-02-01", SetQuantity("seats", 5)),
        ("2026-03-20", SetAddon("support", 3)),
        ("2026-03-21", SetQuantity("seats", 6)),
        ("2026-03-22", SetAddon("backup", 3)),
    )
    only = Choice("calls/pro", addons=frozenset({"backup"}), quantities=frozenset())
    outcome = change_plan(known, only)
    assert outcome.decided[1:] == ((NOW, SetAddon("support", 0)), (NOW, SetQuantity("seats", 0)))
    assert [c.id for c in outcome.withdrawn] == [5, 6]
    last = stretches(after(known, outcome).changes)[-1]
    assert (last.addons, last.quantities) == ({"backup": 3}, {})
    # What comes before the change, comes.
    assert change_plan(known, only, "period_end").withdrawn == ()


@pytest.mark.parametrize(
    ("when", "reason"),
    [("2026-03-10T08:59:59.999999", "in_the_past"), ("2037-01-01", "too_far"), ("2025-12-31", "in_the_past")],
)
def test_instants_that_are_refused(when: str, reason: str) -> None:
    """For whoever is not the operator."""
    known = facts()
    assert refused(lambda: change_plan(known, PRO, at(when))) == reason
    assert refused(lambda: cancel(known, at(when))) == reason
    assert refused(lambda: set_quantity(known, "seats", 2, at(when))) == reason


def test_the_operator_may_decide_for_the_past() -> None:
    """Never before what is billed, nor before there was a plan."""
    known = facts(billed_until="2026-02-01", operator=True)
    assert change_plan(known, PRO, at("2026-02-01")).decided == ((at("2026-02-01"), ChangePlan("calls/pro")),)
    assert refused(lambda: change_plan(known, PRO, at("2026-01-31T23:59"))) == "already_billed"
    assert refused(lambda: change_plan(facts(operator=True), PRO, at("2026-01-04"))) == "not_begun"
    assert refused(lambda: change_plan(facts(billed_until="2026-03-10T09:00:01"), PRO)) == "already_billed"


def test_what_took_effect_stays_when_the_operator_decides_for_the_past() -> None:
    """A plan that was had since is still had; only what is to come gives way."""
    known = facts(("2026-03-05", ChangePlan("calls/max")), ("2026-04-01", ChangePlan("calls/free")), operator=True)
    outcome = change_plan(known, PRO, at("2026-03-03"))
    assert [c.id for c in outcome.withdrawn] == [3]
    assert [plan for _, _, plan in told(stretches(after(known, outcome).changes))] == [
        "calls/free",
        "calls/pro",
        "calls/max",
    ]


def test_a_period_that_began_is_not_undone() -> None:
    """What went before it may be billed until there, so a change in its place begins one too."""
    known = facts(("2026-03-05", ChangePlan("calls/max", restart=True)), billed_until="2026-03-05", operator=True)
    outcome = change_plan(known, PRO, at("2026-03-05"))
    assert outcome.decided == ((at("2026-03-05"), ChangePlan("calls/pro", restart=True)),)


def test_without_a_plan_there_is_nothing_to_change() -> None:
    """Neither after a cancellation nor before the first start."""
    never = Facts((), "UTC", NOW)
    over = facts(("2026-03-01", Cancel()))
    for known in (never, over):
        assert refused(lambda known=known: change_plan(known, PRO)) == "no_plan"  # type: ignore[misc]
        assert refused(lambda known=known: change_plan(known, PRO, "period_end")) == "no_plan"  # type: ignore[misc]
        assert refused(lambda known=known: set_quantity(known, "seats", 2)) == "no_plan"  # type: ignore[misc]
    assert refused(lambda: cancel(never)) == "no_plan"
    assert refused(lambda: resume(never, FREE)) == "no_plan"


def test_a_cancellation_withdraws_nothing_but_another() -> None:
    """So that resuming brings back what was to come."""
    known = facts(("2026-05-01", ChangePlan("calls/pro")), ("2026-06-01", Cancel()))
    outcome = cancel(known)
    assert outcome.decided == ((at("2026-04-01"), Cancel()),)
    assert [c.id for c in outcome.withdrawn] == [3]
    assert told(stretches(after(known, outcome).changes)) == [(None, "2026-04-01T00:00", "calls/free")]
    assert cancel(known, "now", unused="refund").decided == ((NOW, Cancel("refund")),)


def test_cancelled_is_cancelled() -> None:
    """A later end than the one to come is refused; an earlier one takes its place."""
    known = facts(("2026-04-01", Cancel()))
    assert refused(lambda: cancel(known)) == "already_cancelled"
    assert refused(lambda: cancel(known, at("2026-05-01"))) == "already_cancelled"
    assert refused(lambda: cancel(facts(("2026-03-01", Cancel())), "now")) == "already_cancelled"
    sooner = cancel(known, "now")
    assert sooner.decided == ((NOW, Cancel()),)
    assert [c.id for c in sooner.withdrawn] == [2]


def test_a_cancellation_to_come_is_taken_back() -> None:
    """All is as it was before it."""
    known = facts(("2026-03-20", SetQuantity("seats", 3)), ("2026-05-01", ChangePlan("calls/pro")))
    ended = after(known, cancel(known))
    back = resume(ended, FREE)
    assert back.decided == ()
    again = after(ended, back)
    assert stretches(again.changes) == stretches(known.changes)
    assert refused(lambda: resume(again, FREE)) == "not_cancelled"


def test_a_pause_to_come_is_taken_back_with_its_start() -> None:
    """The start after it would cut the period for nothing."""
    known = facts(("2026-04-01", Cancel()), ("2026-05-01", Start("calls/free")))
    assert [c.id for c in resume(known, FREE).withdrawn] == [2, 3]


def test_after_a_cancellation_the_same_starts_again() -> None:
    """With what was beside the plan, by the same anchor, and without what was left over."""
    known = on(
        Facts(
            log(
                ("2026-01-05", Start("calls/free", 20)),
                ("2026-02-01", SetAddon("support", 1)),
                ("2026-02-01", SetAddon("gone", 1)),
                ("2026-02-01", SetQuantity("seats", 5)),
                ("2026-03-01", Cancel()),
                ("2026-04-10", ChangePlan("calls/pro")),
                ("2026-04-10", GiveCoupon("spring")),
            ),
            "UTC",
            NOW,
            billed_until=at("2026-03-01"),
            operator=True,
        ),
        "2026-03-10T09:00",
    )
    had = last_plan(known)
    assert had is not None
    assert had.plan == "calls/free"
    outcome = resume(known, Choice("calls/free", addons=frozenset({"support"})))
    assert outcome.decided == (
        (NOW, Start("calls/free", 20)),
        (NOW, SetAddon("support", 1)),
        (NOW, SetQuantity("seats", 5)),
    )
    assert [c.id for c in outcome.withdrawn] == [6]
    found = periods(after(known, outcome).changes, "UTC", NOW, at("2026-04-20"))
    assert [edges_of(p) for p in found] == [
        ("2026-03-10T09:00", "2026-03-20T00:00"),
        ("2026-03-20T00:00", "2026-04-20T00:00"),
    ]
    assert refused(lambda: resume(known, PRO)) == "no_plan"
    customer = msgspec.structs.replace(known, operator=False)
    assert refused(lambda: resume(customer, Choice("calls/free", retired=True))) == "retired"
    assert refused(lambda: resume(customer, Choice("calls/free"))) == "month_not_over"


def test_a_cancellation_is_taken_back_until_its_month_is_over_or_billed() -> None:
    """Nobody has a month's free units twice: it goes on as if nothing had been decided, or it is over."""
    changes = log(("2026-01-05", Start("calls/free")), ("2026-03-10", Cancel()))
    known = Facts(changes, "UTC", at("2026-03-31T23:59"))
    assert [c.id for c in resume(known, FREE).withdrawn] == [2]
    assert refused(lambda: start(known, FREE)) == "month_not_over"
    assert resume(on(known, "2026-04-01"), FREE).decided[0].decision == Start("calls/free")
    billed = msgspec.structs.replace(known, billed_until=at("2026-03-10"))
    assert refused(lambda: resume(billed, FREE)) == "month_not_over"


def test_an_anniversary_starts_again_on_a_new_day() -> None:
    """The day it is resumed on is its anchor."""
    known = Facts(log(("2026-01-05", Start("calls/free", 5, restart=True)), ("2026-03-01", Cancel())), "UTC", NOW)
    assert resume(known, FREE).decided == ((NOW, Start("calls/free", 10, restart=True)),)


def test_a_start() -> None:
    """By the calendar, or by the local day it begins on."""
    never = Facts((), "Asia/Kathmandu", at("2026-03-30T18:15"))
    assert start(never, FREE, anchor_day=31).decided == ((never.now, Start("calls/free", 31)),)
    assert start(never, FREE, restart=True).decided == ((never.now, Start("calls/free", 31, restart=True)),)


def test_a_start_is_for_those_without_a_plan() -> None:
    """Now and later."""
    assert refused(lambda: start(facts(), PRO)) == "already_begun"
    assert refused(lambda: start(facts(operator=True), PRO, at("2026-01-01"))) == "already_begun"
    assert refused(lambda: start(facts(("2026-04-01", Cancel())), PRO)) == "already_begun"
    late = start(facts(("2026-04-01", Cancel())), PRO, at("2026-05-01"))
    assert late == Outcome((Decided(at("2026-05-01"), Start("calls/pro")),))


def test_nobody_new_chooses_a_retired_plan() -> None:
    """Unless the operator says so; those on it stay."""
    old = Choice("calls/old", retired=True)
    assert refused(lambda: start(Facts((), "UTC", NOW), old)) == "retired"
    assert refused(lambda: change_plan(facts(), old)) == "retired"
    assert start(Facts((), "UTC", NOW, operator=True), old).decided == ((NOW, Start("calls/old")),)


def test_a_new_start_leaves_nothing_of_what_was_to_come() -> None:
    """It was for another subscription; a coupon is the team's."""
    known = facts(
        ("2026-03-01", Cancel()),
        ("2026-03-20", ChangePlan("calls/max")),
        ("2026-03-20", GiveCoupon("spring")),
        ("2026-04-01", Start("calls/free")),
    )
    outcome = start(known, PRO)
    assert [c.id for c in outcome.withdrawn] == [3, 5]
    assert told(stretches(after(known, outcome).changes))[-1] == ("2026-03-10T09:00", None, "calls/pro")


def test_a_gap_in_the_past_is_filled_until_its_end() -> None:
    """What was left over in it would befall the plan that is put there; what was had after it stays."""
    known = facts(
        ("2026-02-01", Cancel()),
        ("2026-02-10", ChangePlan("calls/max")),
        ("2026-02-20", Start("calls/free")),
        ("2026-04-01", ChangePlan("calls/pro")),
        operator=True,
    )
    outcome = start(known, PRO, at("2026-02-05"))
    assert [c.id for c in outcome.withdrawn] == [3]
    assert told(stretches(after(known, outcome).changes))[1:] == [
        ("2026-02-05T00:00", "2026-02-20T00:00", "calls/pro"),
        ("2026-02-20T00:00", "2026-04-01T00:00", "calls/free"),
        ("2026-04-01T00:00", None, "calls/pro"),
    ]


def test_a_plan_that_never_begins() -> None:
    """Cancelled before its start, nothing of it is left."""
    known = Facts((), "UTC", NOW)
    planned = after(known, start(known, FREE, at("2026-04-01"), phases=[Phase(PRO, at("2026-07-01"))]))
    outcome = cancel(planned)
    assert outcome.decided == ()
    assert stretches(after(planned, outcome).changes) == ()


def test_phases_follow_each_other() -> None:
    """Each begins at its instant."""
    known = Facts((), "UTC", NOW)
    phases = [Phase(PRO, at("2026-06-01T00:00+02:00")), Phase(MAX, at("2027-01-01"))]
    assert told(stretches(after(known, start(known, FREE, phases=phases)).changes)) == [
        (None, "2026-05-31T22:00", "calls/free"),
        ("2026-05-31T22:00", "2027-01-01T00:00", "calls/pro"),
        ("2027-01-01T00:00", None, "calls/max"),
    ]
    assert refused(lambda: start(known, FREE, phases=phases[::-1])) == "wrong_order"
    assert refused(lambda: start(known, FREE, phases=[Phase(PRO, NOW)])) == "wrong_order"


def test_of_a_log_only_what_stands_counts() -> None:
    """A withdrawn cancellation is none."""
    known = facts(("2026-03-01", Cancel()))
    known = Facts(withdrawn(known.changes, 2), "UTC", NOW)
    assert change_plan(known, PRO).decided == ((NOW, ChangePlan("calls/pro")),)
    assert refused(lambda: resume(known, FREE)) == "not_cancelled"


def test_a_time_without_a_zone_is_no_instant() -> None:
    """It would be read by somebody's clock."""
    with pytest.raises(ValueError, match="no time zone"):
        change_plan(facts(), PRO, at("2026-04-01").replace(tzinfo=None))

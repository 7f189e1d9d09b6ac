"""What wishes about quantities, add-ons and coupons become."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meter.subscriptions.changes import Cancel, Decision, GiveCoupon, Outcome, SetAddon, SetQuantity, Start, TakeCoupon
from meter.subscriptions.extras import MOST, give_coupon, set_addon, set_quantity, take_coupon
from meter.subscriptions.refusals import Refused
from meter.subscriptions.timeline import coupons_at, stretches
from meter.subscriptions.wish import Facts
from tests.subscriptions.cast import after, at, log

NOW = at("2026-03-10T09:00")


def facts(*entries: tuple[str, Decision]) -> Facts:
    """A team with a plan since January."""
    return Facts(log(("2026-01-05", Start("calls/pro")), *entries), "UTC", NOW)


def refused(wish: Callable[[], Outcome]) -> str:
    """Why a wish becomes nothing."""
    with pytest.raises(Refused) as caught:
        wish()
    return caught.value.reason


Count = Callable[..., Outcome]


@pytest.mark.parametrize(("wish", "kind"), [(set_quantity, SetQuantity), (set_addon, SetAddon)])
def test_so_many_from_now_on(wish: Count, kind: Callable[[str, int], Decision]) -> None:
    """What else was to become of that number is withdrawn, of others it stays."""
    assert wish(facts(), "one", 5) == Outcome(((NOW, kind("one", 5)),))  # type: ignore[arg-type]  # equal as tuples
    known = facts(
        ("2026-02-01", kind("one", 2)),
        ("2026-04-01", kind("one", 3)),
        ("2026-04-01", kind("two", 4)),
    )
    outcome = wish(known, "one", 5)
    assert outcome.decided == ((NOW, kind("one", 5)),)
    assert [c.id for c in outcome.withdrawn] == [3]
    assert wish(known, "one", 5, at("2026-05-01")).withdrawn == ()  # what comes before it, comes
    last = stretches(after(known, outcome).changes)[-1]
    assert {**last.addons, **last.quantities} == {"one": 5, "two": 4}


@pytest.mark.parametrize(("wish", "kind"), [(set_quantity, SetQuantity), (set_addon, SetAddon)])
def test_the_number_there_is(wish: Count, kind: Callable[[str, int], Decision]) -> None:
    """Withdraws what was to become of it; else it is no change."""
    known = facts(("2026-02-01", kind("one", 2)), ("2026-04-01", kind("one", 3)))
    outcome = wish(known, "one", 2)
    assert outcome.decided == ()
    assert [c.id for c in outcome.withdrawn] == [3]
    assert refused(lambda: wish(after(known, outcome), "one", 2)) == "no_change"
    assert refused(lambda: wish(facts(), "one", 0)) == "no_change"


@pytest.mark.parametrize("wish", [set_quantity, set_addon])
def test_numbers_of_things(wish: Count) -> None:
    """None is a number; less than none is not, nor more than anybody has."""
    assert refused(lambda: wish(facts(), "one", -1)) == "quantity"
    assert refused(lambda: wish(facts(), "one", MOST + 1)) == "quantity"
    assert wish(facts(), "one", MOST).withdrawn == ()
    assert refused(lambda: wish(facts(("2026-03-01", Cancel())), "one", 1)) == "no_plan"


def test_a_coupon_is_given_once() -> None:
    """Again when it was taken away; and while there is no plan, as it is the team's."""
    known = after(facts(), give_coupon(facts(), "spring"))
    assert coupons_at(known.changes, NOW) == ("spring",)
    assert refused(lambda: give_coupon(known, "spring")) == "coupon_given"
    assert refused(lambda: give_coupon(facts(("2026-04-01", GiveCoupon("spring"))), "spring")) == "coupon_given"
    gone = after(known, take_coupon(known, "spring"))
    assert coupons_at(gone.changes, NOW) == ()
    assert give_coupon(gone, "spring").decided == ((NOW, GiveCoupon("spring")),)
    assert give_coupon(facts(("2026-03-01", Cancel())), "spring").decided == ((NOW, GiveCoupon("spring")),)
    assert refused(lambda: give_coupon(Facts((), "UTC", NOW), "spring")) == "no_plan"


def test_a_coupon_is_taken_away() -> None:
    """One that was to come never does, and one that was to go later goes now."""
    assert refused(lambda: take_coupon(facts(), "spring")) == "coupon_not_given"
    to_come = facts(("2026-04-01", GiveCoupon("spring")))
    assert [c.id for c in take_coupon(to_come, "spring").withdrawn] == [2]
    assert take_coupon(to_come, "spring").decided == ()
    to_go = facts(("2026-02-01", GiveCoupon("spring")), ("2026-04-01", TakeCoupon("spring")))
    assert [c.id for c in take_coupon(to_go, "spring").withdrawn] == [3]
    assert take_coupon(to_go, "spring").decided == ((NOW, TakeCoupon("spring")),)
    later = take_coupon(to_go, "spring", "period_end")
    assert later.decided == ((at("2026-04-01"), TakeCoupon("spring")),)

"""Five budgets on one way, of team, member, service, meter and key: which of them denies a call, and which calls."""

from __future__ import annotations

from typing import Any

import pytest

from meter.authorize.answers import asked as said
from meter.authorize.desk import Desk
from meter.authorize.requests import Asked
from tests.billing.house import new_key
from tests.contract.limiting import authorize, counters, desk_of, make_budget, settle
from tests.contract.place import Place

EACH: dict[str, list[str]] = {
    "team": [],
    "member": ["member"],
    "service": ["service"],
    "meter": ["meter"],
    "key": ["key"],
}
TIGHT, WIDE = 10, 100
CALL: dict[str, Any] = {"member": "ann", "service": "chat", "meter": "tokens.input"}


async def make_budgets(place: Place, tight: set[str], *, hard: bool = True) -> None:
    """Make all five, some of them tight."""
    for name, each in EACH.items():
        await make_budget(
            place,
            TIGHT if name in tight else WIDE,
            name=name,
            meters=["tokens.input", "tokens.output"],
            each=each,
            hard=hard,
        )


async def others(place: Place) -> dict[str, dict[str, Any]]:
    """Answer what makes a call another's, by the budget that then counts it apart."""
    return {
        "member": {"member": "bob"},
        "service": {"service": "batch"},
        "meter": {"meter": "tokens.output"},
        "key": {"caller": await new_key(place.pool, place.team, "standard")},
    }


def denying(asked: Asked) -> list[str]:
    """Answer the names of the limits that deny a call."""
    limits = said(asked.decision, "USD", None, None).limits
    return [each.name for each in limits if each.exceeded and each.kind == "hard"]


def exceeded(asked: Asked) -> list[str]:
    """Answer the names of the limits that a call goes beyond."""
    return [each.name for each in said(asked.decision, "USD", None, None).limits if each.exceeded]


@pytest.mark.parametrize("tight", EACH)
async def test_the_tightest_denies_and_no_other(place: Place, tight: str) -> None:
    """By what is used and reserved in it; a call that is denied takes nothing of any of the five."""
    await make_budgets(place, {tight})
    desk, other_desk = desk_of(place), desk_of(place)
    first = await authorize(desk, place, 4, **CALL)
    await settle(desk, place, first.reservation, 4, meter="tokens.input")
    assert (await authorize(desk, place, 6, **CALL)).decision.allowed
    before = await counters(place)
    assert len(before) == len(EACH)
    for each in (desk, other_desk):
        denied = await authorize(each, place, 1, **CALL)
        assert (denied.decision.allowed, denied.reservation, denying(denied)) == (False, None, [tight])
        reason = said(denied.decision, "USD", None, None).reason
        assert reason is not None
        assert (reason.code, f"'{tight}' allows 10 " in reason.detail) == ("limit_reached", True)
    assert await counters(place) == before
    await check_apart(desk, place, tight)


async def check_apart(desk: Desk, place: Place, tight: str) -> None:
    """A call goes on if it differs in what the tight one tells apart; one that differs in all else is denied by it."""
    differing = await others(place)
    for name, more in differing.items():
        assert denying(await authorize(desk, place, 1, **CALL | more)) == ([] if name == tight else [tight])
    differing.pop(tight, None)
    elsewhere = {name: value for more in differing.values() for name, value in more.items()}
    assert denying(await authorize(desk, place, 1, **CALL | elsewhere)) == [tight]


async def test_all_that_are_full_deny_and_the_first_is_told(place: Place) -> None:
    """In the order in which they were set."""
    await make_budgets(place, set(EACH))
    desk = desk_of(place)
    assert (await authorize(desk, place, TIGHT, **CALL)).decision.allowed
    denied = await authorize(desk, place, 1, **CALL)
    assert denying(denied) == list(EACH)
    reason = said(denied.decision, "USD", None, None).reason
    assert reason is not None
    assert reason.detail.startswith("'team' allows 10 ")


async def test_those_that_only_warn_are_told_and_let_pass(place: Place) -> None:
    """Each that a call goes beyond, and none of the others."""
    await make_budgets(place, {"member", "key"}, hard=False)
    asked = await authorize(desk_of(place), place, TIGHT + 1, **CALL)
    assert (asked.decision.allowed, denying(asked), exceeded(asked)) == (True, [], ["member", "key"])
    warnings = said(asked.decision, "USD", asked.reservation, asked.expires_at).warnings
    assert [each.split(" allows ")[0] for each in warnings] == ["'member'", "'key'"]

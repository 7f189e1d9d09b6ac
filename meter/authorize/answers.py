"""What callers are told, in people's units and in plain words. Pure; a settle's answer is stored as it was given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from meter.authorize.verdicts import Booked, Decision, Looked, Money
from meter.ledger import wallet as wallets
from meter.limits.budget import Budget
from meter.limits.path import Limit
from meter.limits.quota import Quota
from meter.limits.window import SINCE, falls_out
from meter.rating.marginal import SAID, NoMarginal
from meter.rating.money import exact, plain, quotient

Code = Literal["limit_reached", "budget_spent", "credits_exhausted", "price_unknown", "limits_unavailable"]


class LimitSaid(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A limit that was looked at: `used`, `reserved` and `remaining` before this call, `asked` by it.

    Of a settle they are what is left after it, and `asked` is what was booked; calls were counted before, and are not
    among them.

    A quota is what a price of the plan includes. `limit` null: without one. `resets_at` null: never. Money is in
    `unit`, the currency. `kind` hard denies beyond, soft warns; `fails` says what holds while nobody can be asked.
    """

    source: Literal["budget", "quota"]
    id: str
    name: str
    measure: str
    unit: str
    window: str
    from_: datetime | None
    resets_at: datetime | None
    limit: str | None
    used: str
    reserved: str
    remaining: str | None
    asked: str
    kind: Literal["hard", "soft"]
    exceeded: bool
    fails: Literal["open", "closed"]


class BillingSaid(msgspec.Struct, frozen=True, kw_only=True):
    """The account that pays as it happens, in its unit: before a call that asks, as its limits; after a settle.

    `available` null: without limit. `charged` is what a settle took.
    """

    unit: str
    balance: str
    reserved: str
    available: str | None
    total_spent: str
    charged: str | None = None


class Reason(msgspec.Struct, frozen=True):
    """Why a call may not go on: a stable code, and what to do about it."""

    code: Code
    detail: str


class AuthorizeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a call may go on. What is reserved for it is settled or released by `reservation`, until `expires_at`.

    `checked` false: the database could not be asked, and every limit last known lets pass then. `warnings`: limits that
    warn only and are exceeded, and meters that are not counted in money, because what they cost can't be told yet.
    """

    allowed: bool
    reservation: UUID | None
    expires_at: datetime | None
    reason: Reason | None
    limits: list[LimitSaid]
    billing: BillingSaid | None
    warnings: list[str]
    checked: bool = True


class UsageSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted: the event as it is stored; `duplicate` where it was counted before."""

    id: str
    time: datetime
    member: str | None
    service: str | None
    quantities: dict[str, str]
    duplicate: bool


class SettleAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a call came to. `billing` is null for keys that are never charged, and where the plan is invoiced."""

    reservation: UUID
    usage: UsageSaid
    billing: BillingSaid | None
    limits: list[LimitSaid]
    warnings: list[str]


class ReleaseAnswer(msgspec.Struct, frozen=True):
    """What became of a reservation: released, or what it was before."""

    reservation: UUID
    state: str


def asked(decision: Decision, currency: str, reservation: UUID | None, ends: datetime | None) -> AuthorizeAnswer:
    """The answer to an ask."""
    return AuthorizeAnswer(
        allowed=decision.allowed,
        reservation=reservation,
        expires_at=ends,
        reason=None if decision.allowed else reason(decision, currency),
        limits=[_limit(each, currency) for each in decision.looked],
        billing=_billing(decision.money, None),
        warnings=_warnings(decision.looked, decision.money, decision.unknown, currency),
    )


def settled(booked: Booked, currency: str, reservation: UUID, usage: UsageSaid) -> SettleAnswer:
    """The answer to a settle."""
    return SettleAnswer(
        reservation=reservation,
        usage=usage,
        billing=_billing(booked.money, booked.charged),
        limits=[_limit(each, currency) for each in booked.looked],
        warnings=_warnings(booked.looked, booked.money, booked.unknown, currency),
    )


def reason(decision: Decision, currency: str) -> Reason:
    """Why not: units and calls before money, in the order of the path."""
    denying = [each for each in decision.looked if not each.verdict.allowed]
    for each in sorted(denying, key=lambda one: one.verdict.standing.limit.money):
        code: Code = "budget_spent" if each.verdict.standing.limit.money else "limit_reached"
        return Reason(code, _words(each, currency))
    if decision.unpriced:
        names = ", ".join(decision.unpriced)
        return Reason("price_unknown", f"the plan has no price for {names}, and money is counted on its way")
    return Reason("credits_exhausted", _short(decision.money))


def retry_after(decision: Decision, at: datetime) -> int | None:
    """Seconds until every limit that denies begins anew; None where that is never, or money has to come first."""
    ends = [each.verdict.resets_at for each in decision.looked if not each.verdict.allowed]
    if not ends or any(end is None for end in ends):
        return None
    latest = max(end for end in ends if end is not None)
    return max(1, math.ceil((latest - at) / timedelta(seconds=1)))


def _words(looked: Looked, currency: str) -> str:
    said = _limit(looked, currency)
    again = "there is room again" if said.window == "rolling" else "it begins anew"
    ends = "" if said.resets_at is None else f"; {again} at {said.resets_at.isoformat()}"
    unit = "calls" if said.measure == "calls" else said.unit
    name = f"{said.name!r} allows {said.limit} {unit} {_each(looked.verdict.standing.limit)}"
    return f"{name}: {said.used} used, {said.reserved} reserved, {said.asked} asked for{ends}"


def _each(limit: Limit) -> str:
    if not isinstance(limit.budget, Budget):
        return "in a billing period"
    if limit.budget.seconds is not None:
        return f"in any {limit.budget.seconds} seconds"
    return {"ever": "in all", "billing": "in a billing period"}.get(limit.budget.window, f"a {limit.budget.window}")


def _short(money: Money | None) -> str:
    if money is None:
        return "the plan is paid before, and there is no account yet: buy credits"
    unit = money.wallet.unit
    there = f"the balance is {_digits(money.wallet.balance)} {unit}, {_digits(money.wallet.reserved)} of it reserved"
    return f"{there}; {_digits(money.needed or Decimal(0))} are needed: buy credits"


def _warnings(
    looked: Sequence[Looked], money: Money | None, unknown: Mapping[str, NoMarginal], currency: str
) -> list[str]:
    """Limits that warn only; and what is not counted in money, where anything is."""
    soft = [_words(each, currency) for each in looked if each.verdict.exceeded and each.verdict.allowed]
    if money is None and not any(each.verdict.standing.limit.money for each in looked):
        return soft
    return soft + [f"{meter} is not counted in money: {SAID[why]}" for meter, why in sorted(unknown.items())]


@exact()
def _limit(looked: Looked, currency: str) -> LimitSaid:
    verdict, standing = looked.verdict, looked.verdict.standing
    limit, budget, most = standing.limit, standing.limit.budget, standing.limit.most
    named = _quota(budget) if isinstance(budget, Quota) else _budget(budget, currency)
    return LimitSaid(
        source=named.source,
        id=named.id,
        name=named.name,
        measure=named.measure,
        unit=named.unit,
        window=named.window,
        from_=_start(limit),
        resets_at=verdict.resets_at,
        limit=None if most is None else _in_unit(most, budget.divisor),
        used=_in_unit(standing.used, budget.divisor),
        reserved=_in_unit(standing.reserved, budget.divisor),
        remaining=None if verdict.remaining is None else _in_unit(verdict.remaining, budget.divisor),
        asked=_in_unit(looked.asked, budget.divisor),
        kind="hard" if limit.hard else "soft",
        exceeded=verdict.exceeded,
        fails="open" if limit.opens else "closed",
    )


class _Named(NamedTuple):
    """What a limit is called."""

    source: Literal["budget", "quota"]
    id: str
    name: str
    measure: str
    unit: str
    window: str


def _quota(quota: Quota) -> _Named:
    return _Named("quota", quota.price, quota.title, "units", quota.unit, "billing")


def _budget(budget: Budget, currency: str) -> _Named:
    unit = {"money": currency, "calls": "call"}.get(budget.measure, budget.unit)
    return _Named("budget", str(budget.public_id), budget.name, budget.measure, unit, budget.window)


def _start(limit: Limit) -> datetime | None:
    budget = limit.budget
    if isinstance(budget, Budget) and budget.seconds is not None:
        slot_free = falls_out(budget.seconds, limit.key.starts_at)
        return limit.key.starts_at - (slot_free - limit.ends_at)
    return None if limit.key.starts_at == SINCE else limit.key.starts_at


def _billing(money: Money | None, charged: Decimal | None) -> BillingSaid | None:
    if money is None:
        return None
    wallet = money.wallet
    left = wallets.available(wallet, None, money.at)
    return BillingSaid(
        unit=wallet.unit,
        balance=_digits(wallet.balance),
        reserved=_digits(wallet.reserved),
        available=None if left is None else _digits(left),
        total_spent=_digits(wallet.spent),
        charged=None if charged is None else _digits(charged),
    )


def _in_unit(amount: Decimal, divisor: Decimal) -> str:
    return _digits(quotient(amount, divisor))


def _digits(number: Decimal) -> str:
    return f"{plain(number):f}"

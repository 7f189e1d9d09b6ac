"""May a call go on, and what is booked when it did? Every limit on its way is looked at here and nowhere else. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from meter.authorize.pricing import Costs, costs
from meter.authorize.terms import Terms
from meter.authorize.till import ZERO, Till
from meter.ledger import wallet as wallets
from meter.ledger.store import Entry
from meter.ledger.wallet import Burn, Short, Wallet
from meter.limits.budget import Budget
from meter.limits.path import CounterKey, Limit, Use, amount, limits
from meter.limits.quota import Quota
from meter.limits.verdict import Verdict, judge
from meter.rating.marginal import NoMarginal
from meter.rating.money import exact

PREPAID = "prepaid"
INVOICE = "invoice"


class Money(NamedTuple):
    """The account as it stands, in its unit; `needed` is more than there is, where that is why it says no."""

    wallet: Wallet
    at: datetime
    needed: Decimal | None = None


class Looked(NamedTuple):
    """A limit that was looked at, and how much was asked of it or booked."""

    verdict: Verdict
    asked: Decimal


class Held(NamedTuple):
    """What is set apart for a call: of counters by id, and of the credits of an account."""

    counters: tuple[tuple[int, Decimal], ...] = ()
    account_id: int | None = None
    burns: tuple[Burn, ...] = ()


class Decision(NamedTuple):
    """Whether a call may go on: every limit that was looked at, the account if there is one, and what is held for it.

    `unpriced` meters stop a call where a limit in money that denies is on its way: nobody knows what they cost.
    """

    allowed: bool
    looked: tuple[Looked, ...] = ()
    money: Money | None = None
    unknown: Mapping[str, NoMarginal] = {}
    unpriced: tuple[str, ...] = ()
    held: Held = Held()


class Booked(NamedTuple):
    """What a call came to: how its limits stand now, what it cost in the account's unit, and the account then."""

    looked: tuple[Looked, ...] = ()
    money: Money | None = None
    charged: Decimal = ZERO
    unknown: Mapping[str, NoMarginal] = {}


class Call(NamedTuple):
    """Which call is settled when, by whom, for what: what the ledger says of it."""

    reservation: UUID
    member: str | None
    service: str | None
    now: datetime

    @property
    def said(self) -> dict[str, str]:
        """The same for a transaction; it outlives the reservation."""
        named = {"reservation": str(self.reservation), "member": self.member, "service": self.service}
        return {name: value for name, value in named.items() if value is not None}


def path_of(terms: Terms, use: Use) -> tuple[Limit, ...]:
    """The limits on the way of a use that have to be looked at.

    A quota that blocks nothing is there for prices that depend on it, where money is counted.
    """
    priced = terms.pricing(use.at)
    found = limits(terms.budgets, priced.quotas if priced else (), use, terms.zone, terms.billing(use.at))
    money = any(limit.money for limit in found) or account_of(terms, use) is not None
    return tuple(limit for limit in found if money or not isinstance(limit.budget, Quota) or limit.budget.block)


def keys_of(path: Iterable[Limit]) -> set[CounterKey]:
    """The counters of these limits."""
    return {key for limit in path for key in (limit.key, limit.head) if key is not None}


def account_of(terms: Terms, use: Use) -> int | None:
    """The account that a use is charged to as it happens; None where the plan is invoiced, or there is no account.

    Accounts are in the team's currency, or in credits at a price in it: a plan in another one is never converted.
    """
    priced = terms.pricing(use.at)
    if priced is None or priced.plan.charge == INVOICE or priced.plan.currency != terms.team.currency:
        return None
    return terms.account_of(use.key_id)


@exact()
def authorize(terms: Terms, use: Use, path: tuple[Limit, ...], till: Till) -> Decision:
    """Decide whether a call may go on, and set apart what it asks for: of all limits and the account, or of none."""
    cost = costs(
        terms.pricing(use.at), use, path, {limit.key: till.standing(terms.team.id, limit).taken for limit in path}
    )
    asked = [amount(limit, use, cost.by_meter) for limit in path]
    looked = tuple(
        Looked(judge(till.standing(terms.team.id, limit), each), each) for limit, each in zip(path, asked, strict=True)
    )
    ahead = prepaid(terms, use)
    wallet = _wallet(terms, use, till)
    unpriced = tuple(meter for meter, reason in cost.unknown.items() if reason == "unpriced")
    stops = unpriced if ahead or any(limit.money and limit.hard for limit in path) else ()
    allowed = all(each.verdict.allowed for each in looked) and not stops
    money = None if wallet is None else Money(wallet, use.at)
    reserved = None if wallet is None else _reserve(wallet, cost, use.at)
    if isinstance(reserved, Short):
        if wallet is not None:
            money = Money(wallet, use.at, needed(wallet, cost))
        return Decision(allowed=False, looked=looked, money=money, unknown=cost.unknown, unpriced=stops)
    if not allowed or (ahead and wallet is None):
        return Decision(allowed=False, looked=looked, money=money, unknown=cost.unknown, unpriced=stops)
    held = _hold(terms, path, asked, reserved, till)
    return Decision(allowed=True, looked=looked, money=money, unknown=cost.unknown, held=held)


def prepaid(terms: Terms, use: Use) -> bool:
    """Whether the plan is paid before: only while there is a balance."""
    priced = terms.pricing(use.at)
    return priced is not None and priced.plan.charge == PREPAID


def _wallet(terms: Terms, use: Use, till: Till) -> Wallet | None:
    """The account, without a floor where it is not paid before."""
    account_id = account_of(terms, use)
    if account_id is None:
        return None
    wallet = till.wallets[account_id]
    return wallet if prepaid(terms, use) else wallet._replace(floor=None)


def _reserve(wallet: Wallet, cost: Costs, at: datetime) -> tuple[Wallet, tuple[Burn, ...]] | Short:
    """Sets apart what the meters cost. What is free may go on at a balance of zero, but not below.

    Where nobody says what is asked for, there must be something at least.
    """
    amounts = {meter: wallets.in_unit(wallet, each) for meter, each in cost.by_meter.items() if each}
    if not amounts:
        left = wallets.available(wallet, None, at)
        if left is not None and (left < 0 or (left == 0 and not cost.by_meter)):
            return Short("", ZERO, left)
    return wallets.reserve(wallet, amounts, at)


@exact()
def needed(wallet: Wallet, cost: Costs) -> Decimal:
    """What a use costs in all, in the account's unit."""
    return sum((wallets.in_unit(wallet, each) for each in cost.by_meter.values()), ZERO)


def _hold(
    terms: Terms,
    path: tuple[Limit, ...],
    asked: list[Decimal],
    reserved: tuple[Wallet, tuple[Burn, ...]] | None,
    till: Till,
) -> Held:
    counters: dict[int, Decimal] = {}
    for limit, each in zip(path, asked, strict=True):
        tally = till.tally(terms.team.id, limit.key)
        if each:
            tally.add(reserved=each)
            counters[tally.read.id] = counters.get(tally.read.id, ZERO) + each
    if reserved is None:
        return Held(tuple(counters.items()))
    wallet, burns = reserved
    till.wallets[wallet.account_id] = wallet._replace(floor=till.wallets[wallet.account_id].floor)
    return Held(tuple(counters.items()), wallet.account_id, burns)


@exact()
def release(held: Held, till: Till) -> None:
    """Give back what is set apart for a call."""
    for counter_id, each in held.counters:
        till.by_id[counter_id].add(reserved=-each)
    if held.account_id is not None:
        till.wallets[held.account_id] = wallets.release(till.wallets[held.account_id], held.burns)


@exact()
def settle(terms: Terms, held: Held, use: Use | None, path: tuple[Limit, ...], till: Till, call: Call) -> Booked:
    """Book what a call used in place of what was set apart for it: in full, whatever the limits on its `path` say.

    `held` is nothing for a reservation that has expired; there is no `use` where the event was counted before.
    """
    calls = {budget.id for budget in terms.budgets if budget.measure == "calls"}
    for counter_id, each in held.counters:
        tally = till.by_id[counter_id]
        tally.add(reserved=-each, settled=each if tally.read.key.budget_id in calls else ZERO)
    if use is not None:
        return _book(terms, use, path, till, held, call)
    if held.account_id is not None:
        till.wallets[held.account_id] = wallets.release(till.wallets[held.account_id], held.burns)
    return Booked()


def _book(terms: Terms, use: Use, path: tuple[Limit, ...], till: Till, held: Held, call: Call) -> Booked:
    cost = costs(
        terms.pricing(use.at), use, path, {limit.key: till.standing(terms.team.id, limit).used for limit in path}
    )
    counted = [limit for limit in path if not (isinstance(limit.budget, Budget) and limit.budget.measure == "calls")]
    amounts = [amount(limit, use, cost.by_meter) for limit in counted]
    for limit, each in zip(counted, amounts, strict=True):
        till.tally(terms.team.id, limit.key).add(settled=each)
    account_id = account_of(terms, use)
    charged, money = ZERO, None
    if account_id is not None:
        charged = _charge(account_id, use, cost, till, held, call)
        money = Money(till.wallets[account_id], call.now)
        for key, each in cost.by_price.items():
            till.tally(terms.team.id, key).add(charged=each)
    elif held.burns and held.account_id is not None:
        till.wallets[held.account_id] = wallets.release(till.wallets[held.account_id], held.burns)
    looked = tuple(
        Looked(judge(till.standing(terms.team.id, limit), ZERO), each)
        for limit, each in zip(counted, amounts, strict=True)
    )
    return Booked(looked, money, charged, cost.unknown)


@exact()
def _charge(account_id: int, use: Use, cost: Costs, till: Till, held: Held, call: Call) -> Decimal:
    """Takes what it costs from the account; answers how much, in the account's unit."""
    burns = held.burns
    if burns and held.account_id != account_id and held.account_id is not None:
        till.wallets[held.account_id] = wallets.release(till.wallets[held.account_id], burns)
        burns = ()
    wallet = till.wallets[account_id]
    amounts = {meter: wallets.in_unit(wallet, each) for meter, each in cost.by_meter.items() if each}
    till.wallets[account_id], booked = wallets.settle(wallet, burns, amounts, call.now)
    for meter, parts in booked.items():
        till.entries.append(
            Entry(
                account_id=account_id,
                kind="usage_deduction",
                meter=meter,
                amount=-amounts[meter],
                burns=parts,
                at=call.now,
                description=f"{meter} used",
                metadata=call.said | {"at": use.at.isoformat()},
                source=f"settle/{call.reservation}/{meter}/{use.at.isoformat()}",
            )
        )
    return sum(amounts.values(), ZERO)

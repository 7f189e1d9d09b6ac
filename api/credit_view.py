"""Accounts, grants and transactions as the API shows them: amounts are text, in the account's unit, plain and exact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from api.formats import Value, as_csv
from api.line_view import number
from meter.ledger import wallet as wallets
from meter.ledger.acts import Made
from meter.ledger.history import Grant, Recurrence, Transaction
from meter.ledger.spending import Booked, Cap, Spent, together
from meter.ledger.store import Account
from meter.ledger.wallet import Wallet
from meter.rating.money import exact

COLUMNS = (
    *("id", "kind", "amount", "balance_after", "at", "recorded_at", "description", "meter", "service", "member"),
    *("key", "grant", "reverses", "reversed_by", "source", "metadata"),
)


class CapView(msgspec.Struct, frozen=True):
    """A budget of money for all of it; `GET /v1/budgets/{budget}` says how far it is used. `hard` ones deny."""

    budget: UUID
    name: str
    amount: str
    hard: bool


class RecurrenceView(msgspec.Struct, frozen=True, kw_only=True):
    """How a grant comes again, by the clock of `tz`, at `next_at` first; null: no more, `ended_at`: stopped.

    `amount` is given anew each time; of what is left is kept `keep_least` to `keep_most` (null: all).
    """

    every: str
    times: int
    tz: str
    anchor: datetime
    amount: str
    keep_least: str
    keep_most: str | None
    next_at: datetime | None
    ended_at: datetime | None


class GrantView(msgspec.Struct, frozen=True, kw_only=True):
    """Credits that were put in once. The smaller `priority` is used first; no `meters`: good for all.

    `remaining` is what is left of `amount`, `reserved` what of that is set apart for calls under way. Those with a
    `recurrence` come again.
    """

    id: UUID
    kind: str
    amount: str
    remaining: str
    reserved: str
    paid: str | None
    priority: int
    effective_at: datetime
    expires_at: datetime | None
    voided_at: datetime | None
    meters: list[str]
    description: str
    recurrence: RecurrenceView | None


class TermsView(msgspec.Struct, frozen=True, kw_only=True):
    """How an account is kept from now on."""

    id: UUID
    key: UUID | None
    unit: str
    credit_price: str | None
    floor: str | None
    low_balance: str | None
    recharge_below: str | None
    recharge_amount: str | None
    version: int


class AccountView(TermsView, frozen=True, kw_only=True):
    """A team's account, or (`key`) that of one of its keys; all amounts are in `unit`.

    `balance` is what may be used by now, less what is owed: what usage took beyond all grants. `available` is what may
    still be reserved for any meter; null: there is no limit. `coming` is of grants that are not in effect yet.
    `credit_price` is money per credit. It may be reserved down to `floor` below zero; null: without limit.
    `daily_caps` and `monthly_caps` are budgets of money. `grants` has those where anything is left, or that
    come again, at most 100.
    """

    balance: str
    reserved: str
    available: str | None
    owed: str
    owed_by_meter: dict[str, str]
    coming: str
    total_spent: str
    daily_caps: list[CapView]
    monthly_caps: list[CapView]
    grants: list[GrantView]
    as_of: datetime


class TransactionView(msgspec.Struct, frozen=True, kw_only=True):
    """What was booked once: `amount` is below zero where it was taken, `balance_after` what all bookings came to then.

    `at` is when it was, `recorded_at` when it was written down. `source` is the fact behind it, booked once. Usage has
    the `meter`, and whose it was where it was asked for beforehand.
    """

    id: UUID
    kind: str
    amount: str
    balance_after: str
    at: datetime
    recorded_at: datetime
    description: str
    metadata: dict[str, Any]
    meter: str | None
    service: str | None
    member: str | None
    key: UUID | None
    grant: UUID | None
    reverses: UUID | None
    reversed_by: UUID | None
    source: str


class UsageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A use that was paid of the account: `spent` is what it took. `reversed_by` took it back."""

    id: UUID
    at: datetime
    meter: str | None
    spent: str
    balance_after: str
    service: str | None
    member: str | None
    key: UUID | None
    metadata: dict[str, Any]
    reversed_by: UUID | None


class SpentView(msgspec.Struct, frozen=True):
    """What usage took of one name; null is nobody's. What was reversed is taken off."""

    name: str | None
    spent: str
    deductions: int
    last_at: datetime


class ServiceSpent(msgspec.Struct, frozen=True, kw_only=True):
    """What a service (a workspace) took of the account; null is usage of none."""

    service: str | None
    spent: str
    deductions: int
    last_at: datetime
    by_meter: dict[str, str]


class Services(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What each service took in [from, to), the most first; `next` is always null."""

    from_: datetime
    to: datetime
    unit: str
    items: list[ServiceSpent]
    next: None = None


class Stats(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What went in and out in [from, to). `opening` and `closing` are the balances by bookings until then.

    `booked` has the sum of each kind of transaction, with its sign; `spent` is what usage took, reversals taken off.
    """

    from_: datetime
    to: datetime
    unit: str
    opening: str
    closing: str
    spent: str
    booked: dict[str, str]
    transactions: int
    by_meter: list[SpentView]
    by_service: list[SpentView]
    by_member: list[SpentView]


class BookedView(msgspec.Struct, frozen=True, kw_only=True):
    """What an act booked. `again`: its source was booked before, and nothing happened now."""

    transaction: TransactionView | None
    again: bool = False


@exact()
def account_view(
    account: Account, wallet: Wallet, grants: Sequence[Grant], caps: Sequence[Cap], at: datetime
) -> AccountView:
    """An account as it stands at an instant."""
    room = wallets.available(wallet, None, at)
    coming = sum((lot.left for lot in wallet.lots if at < lot.effective_at), Decimal(0))
    return AccountView(
        **msgspec.structs.asdict(terms_view(account)),
        balance=number(wallets.balance(wallet, at)),
        reserved=number(wallet.reserved),
        available=_maybe(room),
        owed=number(wallets.owed(wallet)),
        owed_by_meter={meter: number(amount) for meter, amount in sorted(wallet.owed.items())},
        coming=number(coming),
        total_spent=number(wallet.spent),
        daily_caps=[_cap(cap) for cap in caps if cap.window == "day"],
        monthly_caps=[_cap(cap) for cap in caps if cap.window == "month"],
        grants=[grant_view(grant) for grant in grants],
        as_of=at,
    )


def terms_view(account: Account) -> TermsView:
    """How an account is kept."""
    return TermsView(
        id=account.public_id,
        key=account.key,
        unit=account.unit,
        credit_price=_maybe(account.credit_price),
        floor=_maybe(account.floor),
        low_balance=_maybe(account.low_balance),
        recharge_below=_maybe(account.recharge_below),
        recharge_amount=_maybe(account.recharge_amount),
        version=account.version,
    )


def _maybe(value: Decimal | None) -> str | None:
    return None if value is None else number(value)


def _cap(cap: Cap) -> CapView:
    return CapView(cap.budget, cap.name, number(cap.amount), cap.hard)


def grant_view(grant: Grant) -> GrantView:
    """A grant with what is left of it."""
    return GrantView(
        id=grant.public_id,
        kind=grant.kind,
        amount=number(grant.amount),
        remaining=number(grant.remaining),
        reserved=number(grant.reserved),
        paid=_maybe(grant.paid),
        priority=grant.priority,
        effective_at=grant.effective_at,
        expires_at=grant.expires_at,
        voided_at=grant.voided_at,
        meters=grant.meters,
        description=grant.description,
        recurrence=None if grant.recurrence is None else _recurrence_view(grant.recurrence),
    )


def _recurrence_view(again: Recurrence) -> RecurrenceView:
    return RecurrenceView(
        every=again.every,
        times=again.times,
        tz=again.zone,
        anchor=again.anchor,
        amount=number(again.amount),
        keep_least=number(again.keep_least),
        keep_most=_maybe(again.keep_most),
        next_at=again.next_at,
        ended_at=again.ended_at,
    )


def transaction_view(each: Transaction) -> TransactionView:
    """A booking."""
    return TransactionView(
        id=each.public_id,
        kind=each.kind,
        amount=number(each.amount),
        balance_after=number(each.balance_after),
        at=each.at,
        recorded_at=each.recorded_at,
        description=each.description,
        metadata=each.metadata,
        meter=each.meter,
        service=each.service,
        member=each.member,
        key=each.key,
        grant=each.grant,
        reverses=each.reverses,
        reversed_by=each.reversed_by,
        source=each.source,
    )


def usage_record(each: Transaction) -> UsageRecord:
    """A booking of usage."""
    return UsageRecord(
        id=each.public_id,
        at=each.at,
        meter=each.meter,
        spent=number(each.amount.copy_negate()),
        balance_after=number(each.balance_after),
        service=each.service,
        member=each.member,
        key=each.key,
        metadata=each.metadata,
        reversed_by=each.reversed_by,
    )


def booked_view(made: Made | None) -> BookedView:
    """What an act booked, or nothing."""
    return BookedView(
        transaction=None if made is None else transaction_view(made.transaction), again=bool(made and made.again)
    )


def as_table(transactions: Iterable[Transaction]) -> str:
    """Transactions as CSV."""
    return as_csv(COLUMNS, [_row(transaction_view(each)) for each in transactions])


def _row(each: TransactionView) -> tuple[Value, ...]:
    ids = (each.key, each.grant, each.reverses, each.reversed_by)
    return (
        *(str(each.id), each.kind, Decimal(each.amount), Decimal(each.balance_after), each.at, each.recorded_at),
        *(each.description, each.meter, each.service, each.member),
        *(None if one is None else str(one) for one in ids),
        *(each.source, msgspec.json.encode(each.metadata).decode()),
    )


def services_view(rows: Sequence[Spent], unit: str, since: datetime, until: datetime) -> Services:
    """What services took, each with its meters."""
    items = [
        ServiceSpent(
            service=each.service,
            spent=number(each.spent),
            deductions=each.deductions,
            last_at=each.last_at,
            by_meter={
                one.service or "": number(one.spent)
                for one in together([row for row in rows if row.service == each.service], lambda row: row.meter)
            },
        )
        for each in together(rows, lambda row: row.service)
    ]
    return Services(from_=since, to=until, unit=unit, items=items)


@exact()
def stats_view(
    unit: str,
    opening: Decimal,
    closing: Decimal,
    booked: Sequence[Booked],
    rows: Sequence[Spent],
    since: datetime,
    until: datetime,
) -> Stats:
    """What went in and out of an account in a range."""
    return Stats(
        from_=since,
        to=until,
        unit=unit,
        opening=number(opening),
        closing=number(closing),
        spent=number(sum((row.spent for row in rows), Decimal(0))),
        booked={each.kind: number(each.amount) for each in booked},
        transactions=sum(each.transactions for each in booked),
        by_meter=_named(together(rows, lambda row: row.meter)),
        by_service=_named(together(rows, lambda row: row.service)),
        by_member=_named(together(rows, lambda row: row.member)),
    )


def _named(rows: Sequence[Spent]) -> list[SpentView]:
    return [SpentView(row.service or None, number(row.spent), row.deductions, row.last_at) for row in rows]

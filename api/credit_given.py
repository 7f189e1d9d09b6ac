"""What may be asked of accounts and credits, as bodies say it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.names import ONE_LINE
from meter.errors import InvalidBody
from meter.ledger import recurring
from meter.ledger.accounts import Terms, terms_of
from meter.ledger.acts import PRIORITY, Deposit, Said
from meter.ledger.recurring import Every
from meter.ledger.store import Account
from meter.ledger.wallet import ZERO
from meter.rating.money import MAX_INTEGER_DIGITS, MAX_PLACES, checked, exact

Moment = Annotated[datetime, Meta(tz=True)]
Slug = Annotated[str, Meta(min_length=1, max_length=63)]
Words = Annotated[str, Meta(max_length=500, pattern=r"^[^\u0000-\u001f\u007f]*$(?!\n)")]
Source = Annotated[
    str,
    Meta(min_length=1, max_length=200, pattern=ONE_LINE, description="The fact behind it, booked once in an account."),
]
Metadata = Annotated[dict[str, Any], Meta(max_length=50)]
LONGEST_METADATA = 8_192


class RecurrenceGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a grant comes again: each `times` hours, days, … from `anchor` on, by the clock of the team's zone.

    Without an `anchor` from `effective_at` on. `amount` is given anew each time; without one as much as at first. What
    is left by then is lost, but for `keep_most` of it (null: all is kept), and is filled up to `keep_least`.
    """

    every: Every
    times: Annotated[int, Meta(ge=1, le=1_000)] = 1
    anchor: Moment | None = None
    amount: Decimal | None = None
    keep_least: Decimal = ZERO
    keep_most: Decimal | None = ZERO


class NewCredits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Credits to put in, or (an adjustment below zero) to take. `amount` is in the account's unit.

    A purchase says what was `paid`, in money; without an `amount` it is that much of the account's unit. The smaller
    `priority` is used first. No `meters`: good for all. With a `key` it is that key's own account. A grant with a
    `recurrence` comes again until it ends, or is voided or stopped.
    """

    kind: Literal["credit_purchase", "credit_grant", "credit_adjustment"]
    amount: Decimal | None = None
    paid: Decimal | None = None
    key: UUID | None = None
    priority: Annotated[int, Meta(ge=0, le=1_000_000)] = PRIORITY
    effective_at: Moment | None = None
    expires_at: Moment | None = None
    meters: Annotated[list[Slug], Meta(max_length=100)] = []
    recurrence: RecurrenceGiven | None = None
    description: Words = ""
    metadata: Metadata = {}
    source: Source | None = None


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why it is done; `source` is the fact behind it, which is booked once."""

    description: Words = ""
    metadata: Metadata = {}
    source: Source | None = None


class RefundGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why, and how much of the purchase; without an `amount` all that is left of it."""

    amount: Decimal | None = None
    description: Words = ""
    metadata: Metadata = {}
    source: Source | None = None


class AccountGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an account is to be kept; what is left out stays as it is.

    `unit` is a currency, or `credits` at a `credit_price`. `floor` is how far below zero it may be reserved; null:
    without limit. Below `low_balance` and `recharge_below` people are told, once.
    """

    key: UUID | None = None
    unit: Annotated[str, Meta(pattern=r"^(credits|[A-Z]{3})$(?!\n)")] | UnsetType = UNSET
    credit_price: Decimal | UnsetType | None = UNSET
    floor: Decimal | UnsetType | None = UNSET
    low_balance: Decimal | UnsetType | None = UNSET
    recharge_below: Decimal | UnsetType | None = UNSET
    recharge_amount: Decimal | UnsetType | None = UNSET


def terms_given(data: AccountGiven, account: Account | None, currency: str) -> Terms:
    """The terms that are asked for, on top of those there are. Raises InvalidBody."""
    terms = Terms(currency) if account is None else terms_of(account)
    given = {name: value for name in Terms._fields if (value := getattr(data, name)) is not UNSET}
    for name, value in given.items():
        if isinstance(value, Decimal):
            given[name] = amount_of(name, value)
    if given.get("unit", "credits") != "credits" and "credit_price" not in given:
        given["credit_price"] = None
    return terms._replace(**given)


def amount_of(name: str, value: Decimal, *, least: Decimal | None = Decimal(0)) -> Decimal:
    """A number as it may be booked. Raises InvalidBody for one that is too large or too fine, or below the least."""
    try:
        number = checked(value)
    except ValueError as error:
        most = f"at most {MAX_INTEGER_DIGITS} digits before and {MAX_PLACES} after the point"
        raise InvalidBody(f"{name}: a finite number with {most}") from error
    if least is not None and number < least:
        raise InvalidBody(f"{name}: {least} or more")
    return number


def said_of(data: NewCredits | Why | RefundGiven) -> Said:
    """What goes along with a booking. Raises InvalidBody for metadata that are too long."""
    if len(msgspec.json.encode(data.metadata)) > LONGEST_METADATA:
        raise InvalidBody(f"metadata: at most {LONGEST_METADATA} bytes as JSON")
    return Said(data.description, data.metadata, data.source)


@exact()
def deposit_of(data: NewCredits, account: Account, now: datetime) -> Deposit:
    """What is to be put in. Raises InvalidBody."""
    if data.recurrence is not None and data.kind != "credit_grant":
        raise InvalidBody("recurrence: only a grant comes again")
    paid = None if data.paid is None else amount_of("paid", data.paid)
    if (data.kind == "credit_purchase") != (paid is not None):
        raise InvalidBody("paid: what was paid for a purchase, in money, and for nothing else")
    if data.amount is not None:
        amount = amount_of("amount", data.amount)
    elif paid is not None:
        amount = paid if account.credit_price is None else paid / account.credit_price
    else:
        raise InvalidBody("amount: how much, in the account's unit")
    if amount <= 0:
        raise InvalidBody("amount: above zero; only an adjustment may take")
    starts = data.effective_at or now
    if data.expires_at is not None and data.expires_at <= max(starts, now):
        raise InvalidBody("expires_at: after now and after effective_at")
    return Deposit(
        kind=data.kind,
        amount=amount,
        paid=paid,
        priority=data.priority,
        effective_at=data.effective_at,
        expires_at=data.expires_at,
        meters=tuple(sorted(set(data.meters))),
        recurrence=_recurrence(data, amount, starts),
    )


def _recurrence(data: NewCredits, amount: Decimal, starts: datetime) -> recurring.Terms | None:
    again = data.recurrence
    if again is None:
        return None
    least = amount_of("recurrence.keep_least", again.keep_least)
    most = None if again.keep_most is None else amount_of("recurrence.keep_most", again.keep_most)
    if most is not None and most < least:
        raise InvalidBody("recurrence.keep_most: keep_least or more; null keeps all")
    return recurring.Terms(
        amount=amount if again.amount is None else amount_of("recurrence.amount", again.amount),
        every=again.every,
        anchor=again.anchor or starts,
        effective_at=starts,
        expires_at=data.expires_at,
        times=again.times,
        keep_least=least,
        keep_most=most,
    )

"""Who is billed in the year, and what they decide and use: facts in plain values, all of one seed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from tests.billing.year.pricebook import Book, Plan

Kind = Literal["choose", "cancel", "seats", "coupon"]


class Decision(NamedTuple):
    """What a team decides at an instant, for then: a plan, the end of it, so many seats, a coupon."""

    at: datetime
    kind: Kind
    name: str = ""
    number: int = 0


class Used(NamedTuple):
    """An event as it was sent at `sent`; what it became before its invoice was final: void, or of another quantity.

    One that is `withdrawn` is void only from then on, when its invoice is final.
    """

    id: str
    time: datetime
    sent: datetime
    meter: str
    quantity: Decimal
    member: str | None
    dimensions: dict[str, str] | None = None
    billed: bool = True
    again: bool = False
    voided: bool = False
    amended: Decimal | None = None
    withdrawn: datetime | None = None

    def known(self, at: datetime) -> bool:
        """Answer whether it is there at an instant."""
        return self.sent <= at and (self.withdrawn is None or at < self.withdrawn)

    @property
    def counted(self) -> Decimal:
        """The quantity in the end."""
        return self.quantity if self.amended is None else self.amended


class Had(NamedTuple):
    """What a team had from an instant to another (None: for ever)."""

    start: datetime
    end: datetime | None
    plan: str
    seats: int


class Credit(NamedTuple):
    """What a team puts into its account, or is given: for some meters (none: for all), until an instant or for ever."""

    at: datetime
    kind: Literal["credit_purchase", "credit_grant"]
    amount: Decimal
    name: str = ""
    priority: int = 100
    meters: tuple[str, ...] = ()
    expires: datetime | None = None


class Customer(NamedTuple):
    """A team: where it is, when its months begin, what it pays by, decides and uses, and puts into its account.

    The first decision is its first plan.
    """

    name: str
    zone: str
    anchor: int
    book: str
    decisions: tuple[Decision, ...]
    events: tuple[Used, ...] = ()
    credits: tuple[Credit, ...] = ()

    @property
    def joined(self) -> datetime:
        """When its first plan began."""
        return self.decisions[0].at

    def had(self, known: datetime | None = None) -> list[Had]:
        """Answer what the team had when, by what was decided until `known`."""
        found: list[Had] = []
        for each in self.decisions:
            if known is not None and each.at > known:
                break
            here = found[-1] if found and found[-1].end is None else None
            if each.kind == "coupon":
                continue
            if here is not None:
                found[-1] = here._replace(end=each.at)
            if each.kind == "choose":
                found.append(Had(each.at, None, each.name, 0))
            elif each.kind == "seats" and here is not None:
                found.append(Had(each.at, None, here.plan, each.number))
        return found


class Prices(NamedTuple):
    """The books as they were at first, and from an instant on."""

    first: dict[str, Book]
    later: dict[str, Book]
    since: datetime

    def book(self, name: str, at: datetime) -> Book:
        """Answer a book as it is in force at an instant."""
        return (self.later if at >= self.since else self.first)[name]

    def plan(self, book: str, plan: str, at: datetime) -> Plan:
        """Answer a plan as it is in force at an instant."""
        return self.book(book, at).plans[plan]

"""A story of grants and usage, told to the ledger's own pure functions.

What happens at one instant happens in this order: grants end, come again, come into effect, and usage is booked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from meter.ledger.recurring import Terms, renew, renewals
from meter.ledger.wallet import Lot, Wallet, deduct, end, owed, repay

ZONE: Final = ZoneInfo("UTC")
METER: Final = "usage"
What = Literal["ends", "again", "begins", "used"]
ORDER: Final[Mapping[What, int]] = {"ends": 0, "again": 1, "begins": 2, "used": 3}


class Grant(NamedTuple):
    """A grant of a case; `ends` is its expiry or the instant it was voided, whichever is first."""

    name: str
    amount: Decimal
    priority: int
    effective: datetime
    ends: datetime | None
    terms: Terms | None = None


class Usage(NamedTuple):
    """So much was used then."""

    at: datetime
    quantity: Decimal


class Played(NamedTuple):
    """What came out: the wallet at the end, and what was owed before each grant came into effect, by its place."""

    wallet: Wallet
    owed_at: Mapping[int, Decimal]


def play(grants: Sequence[Grant], usages: Sequence[Usage], begin: datetime, until: datetime) -> Played:
    """Everything that happens from one instant on, up to and with another."""
    lots = tuple(
        Lot(place, grant.priority, grant.effective, grant.ends, frozenset(), grant.amount)
        for place, grant in enumerate(grants)
    )
    has = sum((grant.amount for grant in grants), Decimal(0))
    wallet = Wallet(1, "credits", Decimal("0.01"), None, balance=has, lots=lots)
    owed_at: dict[int, Decimal] = {}
    for at, _, what, place in sorted(_happenings(grants, usages, begin, until)):
        if what == "used":
            wallet, _ = deduct(wallet, METER, usages[place].quantity, at)
        elif what == "ends":
            wallet, _ = end(wallet, place)
        elif what == "again":
            terms = grants[place].terms
            assert terms is not None
            wallet = renew(wallet, place, terms, at).wallet
        else:
            owed_at[place] = owed(wallet)
            wallet, _ = repay(wallet, at)
    return Played(wallet, owed_at)


def _happenings(
    grants: Sequence[Grant], usages: Sequence[Usage], begin: datetime, until: datetime
) -> Iterable[tuple[datetime, int, What, int]]:
    def happens(what: What, at: datetime, place: int) -> tuple[datetime, int, What, int]:
        return at, ORDER[what], what, place

    for place, grant in enumerate(grants):
        if begin <= grant.effective <= until:
            yield happens("begins", grant.effective, place)
        if grant.ends is not None and grant.ends <= until:
            yield happens("ends", grant.ends, place)
        if grant.terms is not None:
            yield from (happens("again", at, place) for at in renewals(grant.terms, begin, until, ZONE))
    yield from (happens("used", each.at, place) for place, each in enumerate(usages) if begin <= each.at <= until)

"""What may a team subscribe to? A plan: a base fee, prices, and what is agreed about the sum of its invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from meter.rating.document.terms import Terms
from meter.rating.models import flat
from meter.rating.needs import Needs, needs_of
from meter.rating.price import ARREARS, Price
from meter.rating.proration import NEVER

BASE_FEE: Final = "base_fee"
INVOICE: Final = "invoice"
IMMEDIATE: Final = "immediate"
PREPAID: Final = "prepaid"
CHARGE: Final = (INVOICE, IMMEDIATE, PREPAID)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a team may subscribe to. ``unbilled`` meters are measured and deliberately never priced.

    ``over_quota`` is what authorize answers beyond the included units: ``block`` or ``bill`` (S1.2); rating prices
    whatever was used either way. ``trial`` plans are not counted as active (S4.5); one that lasts ``trial_days`` is
    followed by the plan ``then`` of the same book. ``prorate`` says how the base fee is reduced to the time it was
    served, ``billed`` whether it is invoiced after its period or before. Nobody new may choose a ``retired`` plan.
    ``terms`` has a commitment and a least and most spend, and nothing else.
    ``charge`` says when usage is paid: by the ``invoice``, ``immediate``ly as it happens, or so and ``prepaid``, only
    while there is balance (S1.5, S1.6); what an invoice comes to is the same. Fees are the invoice's either way.
    """

    name: str
    title: str
    book: str
    book_version: str
    currency: str
    base_fee: Decimal
    interval: str
    over_quota: str
    trial: bool
    prices: tuple[Price, ...]
    unbilled: tuple[str, ...]
    prorate: str = NEVER
    billed: str = ARREARS
    retired: bool = False
    trial_days: int | None = None
    then: str | None = None
    terms: Terms = Terms()
    charge: str = INVOICE

    @property
    def charges(self) -> tuple[Price, ...]:
        """Every price in the order of the invoice: the base fee, unless it is zero, then the others as written."""
        if not self.base_fee:
            return self.prices
        fee = Price(
            id=BASE_FEE,
            title=f"{self.title}, base fee",
            meter="",
            unit="month",
            model=flat.NAME,
            terms=flat.Terms(unit_amount=self.base_fee),
            prorate=self.prorate,
            billed=self.billed,
        )
        return (fee, *self.prices)

    @property
    def needs(self) -> Needs:
        """What usage of it must be told beside sums by member and service."""
        return needs_of(self.prices)


def without_fees(plan: Plan) -> Plan:
    """The plan for time in which only what is used is paid."""
    return replace(plan, base_fee=Decimal(0), prices=tuple(price for price in plan.prices if price.counts))

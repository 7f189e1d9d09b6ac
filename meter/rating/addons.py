"""What may a team have beside its plan? Add-ons for a fee, and quantities that prices are paid for: seats."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from meter.rating.models import flat
from meter.rating.plan import Plan
from meter.rating.price import ARREARS, BILLED, Price
from meter.rating.proration import NEVER, RULES
from meter.rating.table import Table

FIELD: Final = "addons"
PREFIX: Final = "addon-"
UNIT: Final = "unit"
_NONE: Final = Decimal(0)


class NotOfferedError(ValueError):
    """An add-on, or a quantity of something, that a plan has not; in words for people."""


class Addon(msgspec.Struct, frozen=True, kw_only=True):
    """A fee beside the plan's, for each of it that a team has; ``plans`` may have it, or all where there are none.

    ``prorate`` and ``billed`` are as a plan's for its base fee.
    """

    name: str
    title: str
    base_fee: Decimal
    prorate: str = NEVER
    billed: str = ARREARS
    plans: tuple[str, ...] = ()

    @property
    def price_id(self) -> str:
        """Which price its lines are of."""
        return f"{PREFIX}{self.name}"

    def is_for(self, plan: str) -> bool:
        """Whether a plan may have it."""
        return not self.plans or plan in self.plans

    def price(self, quantity: int) -> Price:
        """The price of so many of it."""
        return Price(
            id=self.price_id,
            title=self.title,
            meter="",
            unit=UNIT,
            model=flat.NAME,
            terms=flat.Terms(unit_amount=self.base_fee),
            prorate=self.prorate,
            billed=self.billed,
            quantity=Decimal(quantity),
        )


def read_addon(name: str, table: Table, plans: Mapping[str, Plan]) -> Addon:
    """Read the add-on called ``name`` of a book with these plans. Raises BookError."""
    addon = Addon(
        name=name,
        title=table.text("title"),
        base_fee=table.money("base_fee"),
        prorate=table.choice("prorate", RULES, NEVER),
        billed=table.choice("billed", BILLED, ARREARS),
        plans=table.names("plans"),
    )
    table.finish()
    if not addon.base_fee:
        table.refuse("base_fee", "costs nothing", 'write base_fee = "5.00", or leave out the add-on')
    if table.has("plans") and not addon.plans:
        table.refuse("plans", "is empty, so nobody could have it", 'write plans = ["pro"], or leave it out for all')
    for plan in addon.plans:
        if plan not in plans:
            table.refuse("plans", f"there is no plan {plan!r}", f"choose of {', '.join(plans)}")
    if taken := next((plan.name for plan in plans.values() if any(p.id == addon.price_id for p in plan.prices)), None):
        table.refuse("", f"plan {taken} has a price called {addon.price_id}", "call one of the two otherwise")
    return addon


def applied(plan: Plan, has: Mapping[str, int], quantities: Mapping[str, int], known: Mapping[str, Addon]) -> Plan:
    """The plan as a team has it: with so many of each add-on, and so many of what prices are paid for.

    Of what a team has none of nothing is owed. To be applied once, to a book's own plan. Raises NotOfferedError for
    what the plan has not.
    """
    _refuse_quantities(plan, quantities)
    prices = tuple(_times(price, quantities) if price.times else price for price in plan.prices)
    added = tuple(_addon(plan, name, known).price(number) for name, number in has.items() if _asked(name, number))
    return replace(plan, prices=(*prices, *added)) if added or quantities_of(plan) else plan


def quantities_of(plan: Plan) -> tuple[str, ...]:
    """What the plan's prices are paid for, each once: seats."""
    return tuple(dict.fromkeys(price.times for price in plan.prices if price.times))


def _times(price: Price, quantities: Mapping[str, int]) -> Price:
    asked = Decimal(quantities.get(price.times, 0))
    # What is free is off the quantity, and must not come off a second time.
    return replace(price, quantity=max(_NONE, asked - (price.included or _NONE)), included=_NONE)


def _refuse_quantities(plan: Plan, quantities: Mapping[str, int]) -> None:
    known = quantities_of(plan)
    for name, number in quantities.items():
        if _asked(name, number) and name not in known:
            there = f"it has {', '.join(known)}" if known else "it has no quantities"
            raise NotOfferedError(f"plan {plan.name} has no price for {name}; {there}")


def _addon(plan: Plan, name: str, known: Mapping[str, Addon]) -> Addon:
    addon = known.get(name)
    there = ", ".join(each.name for each in known.values() if each.is_for(plan.name))
    choice = f"it may have {there}" if there else "it has no add-ons"
    if addon is None:
        raise NotOfferedError(f"there is no add-on {name} for plan {plan.name}; {choice}")
    if not addon.is_for(plan.name):
        raise NotOfferedError(f"add-on {name} is for {', '.join(addon.plans)}, not for {plan.name}; {choice}")
    return addon


def _asked(name: str, number: int) -> bool:
    """Whether a team has any of it; none is fine of anything."""
    if number < 0:
        raise NotOfferedError(f"{number} of {name} can't be had; write 0 or more")
    return number > 0

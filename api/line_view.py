"""Lines, members and periods as the API shows them: numbers are text, plain and with all their digits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

import msgspec

from meter.rating.charge import Step
from meter.rating.invoice import MemberShare, Unpriced
from meter.rating.line import Line, Share
from meter.rating.money import plain
from meter.rating.periods import Period


class PeriodView(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The half-open period [from, to), and its first and last day in `zone`, both inclusive."""

    from_: datetime
    to: datetime
    first_day: date
    last_day: date
    zone: str


class ShareView(msgspec.Struct, frozen=True):
    """A member's part of a line; null is what belongs to nobody."""

    member: str | None
    amount: str


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `exact` is `billed_quantity` times `unit_amount` for each `per`; `amount` is that, rounded once.

    `quantity` counts all usage, `included` what of it is free. `unit_amount` is null where there is no single price.
    `derivation` lists the steps from usage to amount; `members` add up to `amount`.
    """

    kind: str
    price: str
    description: str
    meter: str
    measure: str
    quantity: str
    unit: str
    included: str
    billed_quantity: str
    unit_amount: str | None
    per: str
    exact: str
    amount: str
    derivation: tuple[Step, ...]
    members: list[ShareView]


class MemberView(msgspec.Struct, frozen=True):
    """What a member costs and used, by meter in the meter's unit; null is what belongs to nobody."""

    member: str | None
    amount: str
    usage: dict[str, str]


class UnpricedView(msgspec.Struct, frozen=True):
    """Usage that the plan has no price for: it is in no line, and nothing is billed until it has one."""

    meter: str
    quantity: str


def digits(number: Decimal) -> str:
    """A number with all its digits and without an exponent."""
    return f"{number:f}"


def number(value: Decimal) -> str:
    """A number as it is written where zeros at its end say nothing: one spelling for each."""
    return f"{plain(value):f}"


def period_view(period: Period) -> PeriodView:
    """The period with its days."""
    return PeriodView(period.start, period.end, period.first_day, period.last_day, period.zone)


def lines_view(lines: Iterable[Line]) -> list[LineView]:
    """Each line, its numbers as text."""
    return [_line(line) for line in lines]


def _line(line: Line) -> LineView:
    return LineView(
        kind=line.kind,
        price=line.price,
        description=line.description,
        meter=line.meter,
        measure=line.measure,
        quantity=digits(line.quantity),
        unit=line.unit,
        included=digits(line.included),
        billed_quantity=digits(line.billed_quantity),
        unit_amount=None if line.unit_amount is None else digits(line.unit_amount),
        per=digits(line.per),
        exact=digits(line.exact),
        amount=digits(line.amount),
        derivation=line.derivation,
        members=[_share(share) for share in line.members],
    )


def _share(share: Share) -> ShareView:
    return ShareView(share.member, digits(share.amount))


def members_view(members: Iterable[MemberShare]) -> list[MemberView]:
    """Each member, numbers as text."""
    return [
        MemberView(
            each.member, digits(each.amount), {meter: digits(quantity) for meter, quantity in each.usage.items()}
        )
        for each in members
    ]


def unpriced_view(unpriced: Iterable[Unpriced]) -> list[UnpricedView]:
    """Each meter without a price."""
    return [UnpricedView(each.meter, digits(each.quantity)) for each in unpriced]

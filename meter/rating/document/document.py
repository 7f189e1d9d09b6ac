"""A settled invoice: its lines with what was taken off and taxed, and sums that add up from both sides.

A coupon's part of a line and a rate's part of a line are exact; what a line has off and owes in tax, and what a coupon
takes and a rate brings in all, are whole minor units, and both add up to the sums of the document.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from meter.rating.charge import Step
from meter.rating.line import Line, Share


class LineDiscount(msgspec.Struct, frozen=True):
    """What was taken off a line: ``maximum``, or the ``coupon`` or ``grant`` of that ``name``; not rounded."""

    kind: str
    name: str
    exact: Decimal


class LineTax(msgspec.Struct, frozen=True):
    """A tax on a line, not rounded; ``inclusive``: it is within the price."""

    name: str
    percent: Decimal
    inclusive: bool
    exact: Decimal


class SettledLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line with what was taken off it and its tax.

    ``taxable`` is what tax is on, and ``tax_exact`` the tax, both not rounded; ``discount``, ``tax`` and ``total`` are
    whole minor units. ``tax_included`` is the part of ``tax`` that the price contains. ``untaxed`` says why no tax is
    owed: no_rate, or the reason of an exemption or reverse charge.
    """

    line: Line
    plan: str
    discounts: tuple[LineDiscount, ...]
    discount: Decimal
    taxable: Decimal
    taxes: tuple[LineTax, ...]
    tax_exact: Decimal
    tax: Decimal
    tax_included: Decimal
    untaxed: str
    total: Decimal


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon or grant: ``base`` is what was left to pay of its lines, ``amount`` what it took of that.

    ``left`` is what is left of a fixed amount. ``reason`` says why it took nothing: used up, no line, nothing left.
    """

    name: str
    kind: str
    base: Decimal
    amount: Decimal
    left: Decimal | None
    reason: str


class TaxTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What one rate brings: ``percent`` of ``base`` is ``exact``; ``amount`` is its part of the document's tax."""

    name: str
    percent: Decimal
    inclusive: bool
    base: Decimal
    exact: Decimal
    amount: Decimal


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of an invoice, in whole minor units of ``currency``.

    ``total`` = ``subtotal`` - ``spend_discount`` - ``coupons_total`` + ``tax`` - ``tax_included``: what is to be paid,
    before money that was paid already. ``net`` is that without tax. Lines, and members, add up to ``total``; lines, and
    rates, add up to ``tax``.
    """

    currency: str
    lines: tuple[SettledLine, ...]
    subtotal: Decimal
    spend_discount: Decimal
    coupons: tuple[Applied, ...]
    coupons_total: Decimal
    taxes: tuple[TaxTotal, ...]
    tax: Decimal
    tax_included: Decimal
    net: Decimal
    total: Decimal
    members: tuple[Share, ...]
    derivation: tuple[Step, ...]

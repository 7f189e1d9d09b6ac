"""What is asked of a credit note: of which invoice how much is taken back, why, and where it goes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple, get_args

from meter.invoices import Invoice

Reason = Literal["correction", "late_usage", "unused_time", "duplicate", "goodwill", "other"]
REASONS: tuple[Reason, ...] = get_args(Reason)
To = Literal["invoice", "balance", "refund"]


class OfLine(NamedTuple):
    """An amount of a line, by its number from 1, without tax; None is all that is left of it."""

    line: int
    amount: Decimal | None = None


class Wanted(NamedTuple):
    """One of four: `lines`; an `amount` of all lines without tax; fees `unused_from` an instant on; all that is left.

    Without `to` it goes off what is still to pay of the invoice, and the rest into the team's account.
    """

    invoice: Invoice
    reason: Reason
    lines: tuple[OfLine, ...] = ()
    amount: Decimal | None = None
    unused_from: datetime | None = None
    note: str = ""
    to: To | None = None

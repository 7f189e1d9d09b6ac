"""What is left in a team's account, reckoned apart: it pays each invoice that becomes final, as far as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from tests.billing.year.customers import Customer
from tests.billing.year.reckoning import Owed, final_at


class Purse(NamedTuple):
    """What is in an account, and what it has paid, less what invoices below zero put in."""

    balance: Decimal
    paid: Decimal


def after(customer: Customer, invoices: Sequence[Owed]) -> Purse:
    """Answer an account when all invoices are final, in the order in which they became so."""
    moves = [(credit.at, 0, credit.amount) for credit in customer.credits]
    moves += [(final_at(customer, owed), 1 if owed.reason == "advance" else 2, owed.total) for owed in invoices]
    purse = Purse(Decimal(0), Decimal(0))
    for _, kind, amount in sorted(moves):
        if kind == 0:
            purse = purse._replace(balance=purse.balance + amount)
        else:
            part = min(purse.balance, amount)
            purse = Purse(purse.balance - part, purse.paid + part)
    return purse

"""What is left of what a team bought, reckoned apart: it pays each invoice that becomes final, as far as it goes."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from tests.billing.year.customers import Customer
from tests.billing.year.issuing import Issued


class Purse(NamedTuple):
    """What is in an account, and what it has paid, less what invoices below zero put in."""

    balance: Decimal
    paid: Decimal


def after(customer: Customer, issued: Issued) -> Purse:
    """Answer an account when all invoices are final: gifts lie in it too, but they came off before."""
    moves = [(credit.at, True, credit.amount) for credit in customer.credits if credit.kind == "credit_purchase"]
    moves += [(turn, False, owed.total) for turn, owed in issued.invoices]
    purse = Purse(Decimal(0), Decimal(0))
    for _, bought, amount in sorted(moves, key=lambda move: move[0]):
        if bought:
            purse = purse._replace(balance=purse.balance + amount)
        else:
            part = min(purse.balance, amount)
            purse = Purse(purse.balance - part, purse.paid + part)
    return purse._replace(balance=purse.balance + issued.left)

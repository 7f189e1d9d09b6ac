"""Which status of an invoice may follow which? Pure; the table in the database holds the same."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from meter.errors import InvoiceState
from meter.invoices import Status

Closed = Literal["paid", "void", "uncollectible"]


class Way(NamedTuple):
    """From where an invoice may get to a status, and what it is called to take it there."""

    after: frozenset[Status]
    verb: str


WAYS: Final[dict[Closed, Way]] = {
    "paid": Way(frozenset({"open", "uncollectible"}), "paid"),
    "void": Way(frozenset({"open", "uncollectible"}), "voided"),
    "uncollectible": Way(frozenset({"open"}), "given up"),
}


def check(status: Status, to: Closed) -> None:
    """Raises InvoiceState where an invoice can't get from one status to the other."""
    way = WAYS[to]
    if status not in way.after:
        said = "a draft: make it final or discard it" if status == "draft" else status
        raise InvoiceState(f"it is {said}; only what is {' or '.join(sorted(way.after))} can be {way.verb}")


def check_draft(status: Status) -> None:
    """Raises InvoiceState for an invoice that is final."""
    if status != "draft":
        raise InvoiceState(f"it is {status}, and final: what is wrong with it is put right by another invoice")

"""What is to be paid for what was rated? By what is agreed, what was billed before, and what changed since.

Pure; what a draft comes to with other grants than it has is asked here without rating it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from meter import advance
from meter.adjustments.billed import Adjusted, more
from meter.advance import Billed
from meter.agreement import Agreement
from meter.invoicing.promotional import Promotion, before, grants_of
from meter.rating.document import Document
from meter.rating.document.terms import Grant
from meter.rating.invoice import Rated


class Around(NamedTuple):
    """What else belongs to an invoice: what was billed of its period before, and what changed of earlier ones.

    `promotions` come off before tax; None: what the invoices that billed before took of grants.
    """

    billed: tuple[Billed, ...] = ()
    adjusted: tuple[Adjusted, ...] = ()
    promotions: tuple[Promotion, ...] | None = None


def document_of(agreement: Agreement, rated: Rated, around: Around) -> Document:
    """The document of what was used in a period. Raises UsageError as `settle`."""
    settled = advance.settled(with_grants(agreement, grants(around)), rated)
    return more(advance.less(settled, around.billed), around.adjusted)


def in_advance(agreement: Agreement, rated: Rated, promotions: Iterable[Promotion] = ()) -> Document:
    """The document of fees that are owed before their period."""
    return advance.settled(with_grants(advance.terms_of(agreement), grants_of(promotions)), rated)


def grants(around: Around) -> tuple[Grant, ...]:
    """What comes off before tax."""
    return grants_of(taken_before(around.billed) if around.promotions is None else around.promotions)


def taken_before(billed: Iterable[Billed]) -> tuple[Promotion, ...]:
    """What the invoices that billed a part of a period before took of grants."""
    return before(promotion for each in billed for promotion in each.promotions)


def with_grants(agreement: Agreement, given: Sequence[Grant]) -> Agreement:
    """What is agreed, with more grants."""
    terms = agreement.terms
    return agreement._replace(terms=replace(terms, grants=(*terms.grants, *given))) if given else agreement

"""A draft with what there is of promotional credits taken off, before tax: by the wallet as it stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from meter.invoicing.charged import charged_prices
from meter.invoicing.document import Around, document_of, in_advance, taken_before
from meter.invoicing.promotional import Promotion, fitting, offered, room_of
from meter.invoicing.purse import ADVANCE, Purse
from meter.rating.document import Document

if TYPE_CHECKING:
    from meter.bill import Draft  # which asks for this


def promoted(draft: Draft, purse: Purse | None, now: datetime) -> Draft:
    """The draft with what grants pay of it, which says what of that is new.

    What was billed of its period before took of grants already; where usage is less by now, they have some of it back.
    Lines that are paid as they are used have none: what is charged is not taxed less.
    """
    before = taken_before(draft.billed)
    if purse is None:
        kept = fitting(draft.document, before, draft.document.total)
        return draft._replace(promotions=tuple(replace(each, amount=each.off * 0) for each in kept))
    but = charged_prices(draft.agreement, purse.charges)
    wanted = (*before, *offered(purse.wallet, purse.gifts, but, now))
    if not wanted:
        return draft
    room = room_of(draft.document.lines, but, draft.document.currency)
    found = fitting(_document(draft, wanted), wanted, room)
    return draft._replace(document=_document(draft, found), promotions=found)


def _document(draft: Draft, promotions: Iterable[Promotion]) -> Document:
    if draft.reason == ADVANCE:
        return in_advance(draft.agreement, draft.rated, promotions)
    return document_of(draft.agreement, draft.rated, Around(draft.billed, draft.adjusted, tuple(promotions)))

"""What happens to the sum of an invoice: one file per thing, put in their order by ``settle``.

A commitment, a least and a most per period, coupons and promotional grants, taxes, another currency: ``read_terms``
reads them from a book or a request, ``settle`` applies them to lines that are rated already.
"""

from __future__ import annotations

from meter.rating.document.document import Document, SettledLine
from meter.rating.document.settle import items_of, settle
from meter.rating.document.sheet import Earlier, Item
from meter.rating.document.terms import Terms
from meter.rating.document.terms_table import read_earlier, read_terms

__all__ = ["Document", "Earlier", "Item", "SettledLine", "Terms", "items_of", "read_earlier", "read_terms", "settle"]

"""Which family translates which of their models; a new one is one file and its lines here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tests.cases.case import Case
from tests.cases.families import (
    blocks,
    burndown,
    commitments,
    credit_notes,
    dynamic,
    fees,
    invoices,
    package,
    paid,
    per_unit,
    percentage,
    tiers,
    tokens,
)
from tests.cases.question import Question

FAMILIES: Final[Mapping[str, Callable[[Case], Question]]] = {
    **per_unit.MODELS,
    **tiers.MODELS,
    **blocks.MODELS,
    **package.MODELS,
    **percentage.MODELS,
    **dynamic.MODELS,
    **tokens.MODELS,
    **fees.MODELS,
    **commitments.MODELS,
    **invoices.MODELS,
    **paid.MODELS,
    **burndown.MODELS,
    **credit_notes.MODELS,
}

LATER: Final[Mapping[str, str]] = {
    "aggregation": "usage query",
    "prorated_sum": "usage query",
    "weighted_sum": "usage query",
    "node_price_normalisation": "optional",
}

"""Whole blocks by tiers: each tier's own, or all at the price of the tier that is reached; and what late usage adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from tests.cases.case import Case, Fields, NotUnderstoodError
from tests.cases.compare import Found
from tests.cases.families.metered import metered
from tests.cases.question import PRICE, THE, Answers, Body, Question, asking, money, total_of


def _read(row: Fields) -> Body:
    size = row.number("block_size")
    room = row.number("max_blocks") * size if row.has("max_blocks") else None
    return {"block": money(size), "unit_amount": money(row.number("block_price")), "room": room}


def tiers_of(case: Case) -> tuple[list[Body], Decimal | None]:
    """Their tiers say how many blocks there are in each, ours where each ends; the last one has no end."""
    tiers = case.price.rows("tiers", _read)
    if not tiers:
        raise NotUnderstoodError("price_definition.tiers: there is none")
    end: Decimal | None = Decimal(0)
    for tier in tiers:
        if end is None:
            raise NotUnderstoodError("price_definition.tiers: a tier follows one without an end")
        room = tier.pop("room")
        end = None if room is None else end + room
        tier["up_to"] = None if end is None else money(end)
    tiers[-1]["up_to"] = None
    return tiers, end


def charged(which: str) -> Callable[[Case], Question]:
    """The family that charges each tier's blocks, or all at the top tier's price."""

    def translate(case: Case) -> Question:
        tiers, bound = tiers_of(case)
        return metered(case, {"model": "blocks", "charged": which, "tiers": tiers}, bound=bound)

    return translate


def late_usage(case: Case) -> Question:
    """A period that is billed already is rated again with what came late: the rest is owed."""
    tiers, _ = tiers_of(case)
    price = {"model": "blocks", "charged": "each_tier", "tiers": tiers}
    row = {"meter": PRICE, "quantity": money(case.usage.number("quantity"))}
    split = {"position": "last", "billed": {PRICE: money(case.usage.number("already_invoiced_amount"))}}

    def found(answers: Answers) -> Mapping[str, Found]:
        return {"total": total_of(answers[THE])}

    return Question({THE: asking({PRICE: price}, [row], split=split)}, found)


MODELS: Mapping[str, Callable[[Case], Question]] = {
    "tiered_blocks_all_tiers": charged("each_tier"),
    "tiered_blocks_top_tier": charged("top_tier"),
    "late_usage_delta": late_usage,
}

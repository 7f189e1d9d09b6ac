"""What the demo books charge, written down a second time by hand: invoices are checked against this, not our code."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")

# credits/payg (S3.2 and the book's own cache prices): dollars per 1,000 tokens
TOKENS = {
    "tokens.input": Decimal("0.015"),
    "tokens.output": Decimal("0.045"),
    "tokens.cache_read": Decimal("0.0015"),
}
PER_TOKENS = 1000

# cloud/payg (S2.4, S2.7): dollars per core-hour, hours free
CORE_HOUR = Decimal("0.05")
FREE_CORE_HOURS = 744
SECONDS_PER_HOUR = 3600


def to_the_cent(amount: Decimal) -> Decimal:
    """Round half up to cents."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def tokens_cost(meter: str, tokens: Decimal) -> Decimal:
    """Answer what tokens cost by the token, to the cent."""
    return to_the_cent(tokens * TOKENS[meter] / PER_TOKENS)


def cores_cost(core_seconds: Decimal) -> Decimal:
    """Answer what core-seconds cost by use, the free hours taken off, to the cent."""
    billed = max(Decimal(0), core_seconds - FREE_CORE_HOURS * SECONDS_PER_HOUR)
    return to_the_cent(billed * CORE_HOUR / SECONDS_PER_HOUR)


def added(amounts: Iterable[str]) -> Decimal:
    """Add up amounts as the API writes them."""
    return sum(map(Decimal, amounts), Decimal(0))

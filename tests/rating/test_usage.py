"""What may be called usage."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from meter.rating.usage import Usage, UsageError


@pytest.mark.parametrize("quantity", [0.5, 1.0, 3, "3", None, True])
def test_only_decimals_are_quantities(quantity: Any) -> None:
    """Floats, and everything else that is not a Decimal, are type errors at the door."""
    with pytest.raises(TypeError, match="never float"):
        Usage("cpu", quantity)
    with pytest.raises(TypeError, match="never float"):
        Usage("cpu", Decimal(1), divisor=quantity)


@pytest.mark.parametrize("quantity", ["NaN", "Infinity", "1E+40", "1E-30"])
def test_absurd_quantities_are_refused(quantity: str) -> None:
    """NaN, infinity and absurd exponents never reach a price."""
    with pytest.raises(ValueError, match=r"not a finite number|has more than"):
        Usage("cpu", Decimal(quantity))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"quantity": Decimal(-1)}, "usage of cpu: -1 is negative"),
        ({"divisor": Decimal(0)}, "divisor 0 is not positive"),
        ({"divisor": Decimal(-1)}, "divisor -1 is not positive"),
        ({"measure": "median"}, "measure 'median' is unknown; write one of total, peak"),
        ({"measure": "peak", "member": "alice"}, "neither member nor service"),
        ({"measure": "peak", "service": "web"}, "neither member nor service"),
    ],
)
def test_usage_that_cannot_be_priced_is_refused(fields: dict[str, Any], message: str) -> None:
    """Each refusal names the meter and the reason."""
    with pytest.raises(UsageError, match=message):
        Usage(**{"meter": "cpu", "quantity": Decimal(1), **fields})

"""What may be called usage."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from meter.rating.proration import Ratio
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
        ({"before": Decimal(-1)}, "-1 is negative; correct the event"),
        ({"events": -1}, "-1 events are fewer than none"),
        ({"at": datetime(2026, 3, 1)}, "2026-03-01T00:00:00 has no time zone"),  # noqa: DTZ001 - that is the mistake
        ({"before": Decimal(1), "prorated": Decimal(1)}, "a change of level lies in one part of the period"),
    ],
)
def test_usage_that_cannot_be_priced_is_refused(fields: dict[str, Any], message: str) -> None:
    """Each refusal names the meter and the reason."""
    with pytest.raises(UsageError, match=message):
        Usage(**{"meter": "cpu", "quantity": Decimal(1), **fields})


@pytest.mark.parametrize(
    "told",
    [
        {"prorated": Decimal("-0.5")},
        {"at": datetime(2026, 3, 1, tzinfo=UTC)},
        {"share": Ratio(Decimal(1), Decimal(2))},
    ],
)
def test_a_level_may_go_down(told: dict[str, Any]) -> None:
    """Where it is told when, or what is paid of it; then also in an earlier part of the period."""
    assert Usage("seats", Decimal(-1), **told).quantity == -1
    assert Usage("seats", Decimal(0), before=Decimal(-1), **told).before == -1

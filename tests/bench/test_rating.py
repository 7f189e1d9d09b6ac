"""Lines rated per second per core, for each pricing model, with the adjustments an ordinary price has."""

from __future__ import annotations

import gc
import time
from datetime import timedelta
from decimal import Decimal

import pytest

from meter.rating.invoice import lines_of
from meter.rating.usage import Usage
from tests.bench import report
from tests.rating.cast import MARCH
from tests.rating.examples import EXAMPLES, price_of

pytestmark = pytest.mark.bench
ROWS = 20  # series of a team: members, services and labels of one meter
SECONDS = 2.0
LABELS = [(("kind", "input"), ("model", "small")), (("model", "small"),), (("model", "large"),)]


def usage() -> tuple[Usage, ...]:
    """A month of one meter, as a team of some members leaves it."""
    return tuple(
        Usage(
            "m",
            Decimal(n * 1234567).scaleb(-6),
            f"member-{n % 7}",
            None,
            LABELS[n % 3],
            at=MARCH.start + timedelta(hours=n * 31),
            events=1,
        )
        for n in range(1, ROWS + 1)
    )


@pytest.mark.parametrize("model", EXAMPLES)
def test_lines_rated(model: str) -> None:
    """From usage to rounded lines with members' shares and derivation, one after another on one core."""
    gc.freeze()  # as the service does: what is loaded is not looked through again and again
    price, rows, made = price_of(model, discount="5", maximum="1000000"), usage(), 0
    began = time.process_time()
    while time.process_time() - began < SECONDS:
        made += len(lines_of(price, rows, MARCH, "USD"))
    taken = time.process_time() - began
    report.line("lines rated", model=model, rows=ROWS, lines_per_s=made / taken, rows_per_s=made * ROWS / taken)

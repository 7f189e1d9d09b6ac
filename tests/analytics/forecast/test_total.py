"""What a period comes to: known plus expected, with bands for the sum."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from analytics.forecast import Look, look, total
from analytics.forecast.models.candidate import Floats
from tests.analytics.forecast.cast import HOUR, MONDAY, noise, pattern, series

HOURS = 700
END = MONDAY + (HOURS + 48) * HOUR


def seen(values: Floats | list[float], *, floor: float | None = None) -> Look:
    """A look two days ahead."""
    return look(series(values), floor=floor)


def test_known_and_expected() -> None:
    """Whole is known plus the sum of the points."""
    found = seen(pattern(HOURS))
    answer = total(found, END, known=Decimal("1000.5"))
    assert answer.expected is not None
    assert float(answer.expected) == pytest.approx(pattern(HOURS + 48)[HOURS:].sum())
    assert answer.mean == answer.known + answer.expected
    assert found.outlook is not None
    assert float(answer.expected) == pytest.approx(found.outlook.mean.sum())


def test_a_period_that_ends_earlier() -> None:
    """Only the windows until then."""
    answer = total(seen(pattern(HOURS)), END - 24 * HOUR)
    assert float(answer.expected or 0) == pytest.approx(pattern(HOURS + 24)[HOURS:].sum())


def test_a_period_that_is_over_is_known() -> None:
    """There is nothing left to expect."""
    answer = total(seen(pattern(HOURS)), MONDAY + HOURS * HOUR, known=Decimal(7))
    assert answer.expected == 0
    assert answer.mean == answer.low95 == answer.high95 == 7


@pytest.mark.parametrize("off", [HOUR, HOUR / 2 - 48 * HOUR, -49 * HOUR])
def test_an_end_that_is_no_window_ahead_is_refused(off: timedelta) -> None:
    """After the last, within one, before the first."""
    with pytest.raises(ValueError, match="end of a window"):
        total(seen(pattern(HOURS)), END + off)


def test_independent_errors_partly_cancel() -> None:
    """The band of a sum is far narrower than the sum of the bands."""
    found = seen(pattern(HOURS) + noise(HOURS, 1, 10))
    answer = total(found, END)
    assert found.outlook is not None
    assert found.outlook.half_widths is not None
    assert float((answer.high80 or 0) - (answer.mean or 0)) < 0.5 * found.outlook.half_widths[0].sum()


def test_common_errors_add_up() -> None:
    """It is nearly as wide where all of a day is off by the same."""
    days = np.repeat(noise(30, 2, 10), 24)[:HOURS]
    found = seen(pattern(HOURS) + days)
    answer = total(found, END)
    assert found.outlook is not None
    assert found.outlook.half_widths is not None
    assert float((answer.high80 or 0) - (answer.mean or 0)) > 0.5 * found.outlook.half_widths[0].sum()


def test_totals_lie_inside_their_bands() -> None:
    """Of sixty made-up services whose level wanders, about four in five inside 80, nearly all inside 95."""
    inside = []
    for seed in range(60):
        wander = np.cumsum(noise(HOURS + 48, seed, 0.5))
        values = pattern(HOURS + 48) + wander + noise(HOURS + 48, 100 + seed, 5)
        answer = total(seen(values[:HOURS]), END)
        came = values[HOURS:].sum()
        inside.append(
            [low <= came <= high for low, high in bands(answer.low80, answer.high80, answer.low95, answer.high95)]
        )
    share80, share95 = np.mean(inside, axis=0)
    assert 0.65 <= share80 <= 0.95
    assert share95 >= 0.87


def bands(*numbers: Decimal | None) -> list[tuple[float, float]]:
    """Pairs of low and high."""
    plain = [float(number) for number in numbers if number is not None]
    return list(zip(plain[::2], plain[1::2], strict=True))


def test_no_total_below_what_is_known() -> None:
    """Where nothing is negative, a period's total does not fall."""
    answer = total(seen(np.maximum(0, noise(HOURS, 3, 5)), floor=0), END, known=Decimal(50))
    assert answer.low95 is not None
    assert answer.low95 >= 50


def test_without_data_or_bands() -> None:
    """What is known stays; the rest is null."""
    assert total(seen([]), MONDAY + 48 * HOUR, known=Decimal(3)).mean is None
    short = total(look(series([4.0, 6.0], 2)), MONDAY + 4 * HOUR)
    assert short.mean == 10
    assert short.low80 is None

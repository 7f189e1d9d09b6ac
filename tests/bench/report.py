"""Figures of a bench as aligned lines, and the percentiles they quote."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of some values."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def line(bench: str, **figures: object) -> None:
    """Prints one line of figures; run pytest with -s to see it as it comes."""
    shown = "  ".join(f"{name}={_shown(value)}" for name, value in figures.items())
    print(f"\nbench {bench}: {shown}  [{platform.machine()}, {os.cpu_count()} cores]")  # noqa: T201


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return str(value)

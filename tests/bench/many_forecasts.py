"""How long do forecasts of many series take, and how much memory?

python -m tests.bench.many_forecasts COUNT [PROCESSES]: so many series of six weeks of hours, each a week's rhythm with
noise of its own, forecast as the worker does it: hours and days ahead, and the end of a month that is 20 days off.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from decimal import Decimal

import numpy as np

from analytics.forecasts import forecasts
from meter.past import REACH, Past
from tests.bench.month_end import HOUR, WEEK, instant, lived, windows

NOW = REACH["hour"] // HOUR
AT_ONCE = 50


def one(seed: int) -> Past:
    """Answer the past of one series."""
    dice = np.random.default_rng(seed)
    shape = np.exp(dice.normal(0, 0.5, 24))
    week = np.tile(shape, 7) * np.repeat([1, 1, 1, 1, 1, 0.4, 0.3], 24) * 10 ** dice.uniform(0, 6)
    hours = lived(week[:WEEK], seed)
    end = instant(NOW) + timedelta(days=20)
    return Past(instant(NOW), "UTC", windows(hours, NOW, 1), windows(hours, NOW, 24), end, Decimal(0))


def some(seeds: Sequence[int]) -> tuple[int, float, float]:
    """Forecast some, and answer how many, the seconds of processor time, and the memory of this process so far."""
    pasts = [one(seed) for seed in seeds]
    began = time.process_time()
    for past in pasts:
        assert forecasts(past).total is not None
    return len(pasts), time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: Sequence[str]) -> None:
    """Forecasts them all, in so many processes."""
    count, processes = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 2
    parts = [range(first, min(first + AT_ONCE, count)) for first in range(0, count, AT_ONCE)]
    began = time.perf_counter()
    with ProcessPoolExecutor(processes) as pool:
        found = list(pool.map(some, parts))
    seconds, made = time.perf_counter() - began, sum(number for number, _, _ in found)
    each = sum(cpu for _, cpu, _ in found) / made
    most = max(memory for _, _, memory in found)
    said = f"{seconds:.0f} s, {1000 * each:.1f} ms of processor each, {most:.0f} MB at most in one"
    print(f"{made} series, {processes} processes: {said}")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])

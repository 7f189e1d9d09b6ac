"""How good are forecasts of the M4 competition's hourly series, how long do they take, and how much memory?

python -m tests.bench.m4 FILE [--inside]: FILE is a parquet of `id`, `train`, `test`, `naive2` (lists), as in the folder
of shared data. Each series is forecast from its `train` alone; `test` is read when all forecasts are made. `--inside`
never reads it: it takes the last days of `train` for a test, from three origins, and computes the Naive2 itself.

sMAPE = mean of 200 |y - f| / (|y| + |f|); MASE scale = mean |x_t - x_(t-24)| of the training part; OWA = mean of the
two ratios to Naive2 (Makridakis, Spiliotis, Assimakopoulos: IJF 36, 2020).
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from analytics.forecast import Series, grid_of, look, shown
from analytics.forecast.models.candidate import Floats

HORIZON = 48
SEASON = 24
ORIGINS_INSIDE = 3
MONDAY = datetime(2020, 1, 6, tzinfo=UTC)  # the collection has no dates; any will do
HOUR = timedelta(hours=1)


class Case(NamedTuple):
    """One forecast to make: the past, what came, and what Naive2 says."""

    train: Floats
    test: Floats
    naive2: Floats


class Made(NamedTuple):
    """One forecast made: its means, and the edges of its bands [level, step]."""

    mean: Floats
    low: Floats
    high: Floats
    claimed: tuple[float | None, ...]
    mase: float | None


def cases(path: str, *, inside: bool) -> list[Case]:
    """Reads the file; `inside` ones end before the test part."""
    frame = pl.read_parquet(path)
    trains = [np.array(train) for train in frame.get_column("train").to_list()]
    if inside:
        cuts = [(train, len(train) - HORIZON * n) for train in trains for n in range(ORIGINS_INSIDE, 0, -1)]
        return [Case(train[:at], train[at : at + HORIZON], naive2(train[:at])) for train, at in cuts]
    rest = zip(frame.get_column("test").to_list(), frame.get_column("naive2").to_list(), strict=True)
    return [Case(train, np.array(test), np.array(naive)) for train, (test, naive) in zip(trains, rest, strict=True)]


def naive2(train: Floats) -> Floats:
    """The last value, deseasonalised by classical multiplicative decomposition, put back into season."""
    weights = np.array([0.5, *np.ones(SEASON - 1), 0.5]) / SEASON
    ratio = train[SEASON // 2 : -(SEASON // 2)] / np.convolve(train, weights, "valid")
    hour = (np.arange(len(ratio)) + SEASON // 2) % SEASON
    index = np.bincount(hour, weights=ratio) / np.bincount(hour)
    at = len(train) + np.arange(-1, HORIZON)
    seasonal = index[at % SEASON]
    forecast: Floats = train[-1] / seasonal[0] * seasonal[1:]
    return forecast


def made(train: Floats) -> Made:
    """The forecast that the product gives, decimals included."""
    as_of = MONDAY + len(train) * HOUR
    seen = look(Series(grid_of(MONDAY, as_of, HORIZON, "hour", "UTC"), train))
    answer = shown(seen)
    points = answer.points
    band = [[(p.low80, p.low95) for p in points], [(p.high80, p.high95) for p in points]]
    low, high = np.array(band, dtype=np.float64).transpose(0, 2, 1)
    claimed = seen.outlook.coverage if seen.outlook else ()
    mase = seen.outlook.mase if seen.outlook else None
    return Made(np.array([p.mean for p in points], dtype=np.float64), low, high, claimed, mase)


def errors(given: Sequence[Case], forecasts: Sequence[Floats]) -> tuple[float, float]:
    """The mean sMAPE and MASE over all cases."""
    smape, mase = [], []
    for case, forecast in zip(given, forecasts, strict=True):
        missed = np.abs(case.test - forecast)
        smape.append((200 * missed / (np.abs(case.test) + np.abs(forecast))).mean())
        mase.append(missed.mean() / np.abs(case.train[SEASON:] - case.train[:-SEASON]).mean())
    return float(np.mean(smape)), float(np.mean(mase))


def held(given: Sequence[Case], found: Sequence[Made]) -> Floats:
    """The share of values inside the bands, per level."""
    inside = [(f.low <= case.test) & (case.test <= f.high) for case, f in zip(given, found, strict=True)]
    shares: Floats = np.array(inside).mean(axis=(0, 2))
    return shares


def main(arguments: Sequence[str]) -> None:
    """Makes all forecasts, then compares."""
    inside = "--inside" in arguments
    given = cases(next(a for a in arguments if not a.startswith("--")), inside=inside)
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began, busy = time.perf_counter(), time.process_time()
    found = [made(case.train) for case in given]
    wall, cpu = time.perf_counter() - began, time.process_time() - busy
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    smape, mase = errors(given, [f.mean for f in found])
    naive_smape, naive_mase = errors(given, [case.naive2 for case in given])
    width = np.mean([(f.high - f.low).mean(axis=1) / np.abs(f.mean).mean() for f in found], axis=0)
    claims = np.nanmean(np.array([f.claimed for f in found], dtype=np.float64), axis=0)
    say("series", f"{len(given)}{' inside train' if inside else ''}")
    say("sMAPE", f"{smape:.3f} (Naive2 {naive_smape:.3f})")
    say("MASE", f"{mase:.3f} (Naive2 {naive_mase:.3f}; claimed by back-tests {claimed_mase(found):.3f})")
    say("OWA", f"{(smape / naive_smape + mase / naive_mase) / 2:.4f}")
    for level, share, claim, wide in zip((80, 95), held(given, found), claims, width, strict=True):
        say(f"inside {level} %", f"{100 * share:.1f} % (claimed {100 * claim:.1f} %; mean width {100 * wide:.0f} %)")
    say("seconds per 1,000", f"{wall / len(given) * 1000:.1f} (processor {cpu / len(given) * 1000:.1f})")
    say("peak memory", f"{peak_mb:.0f} MB ({before_mb:.0f} MB before the first forecast)")


def claimed_mase(found: Sequence[Made]) -> float:
    """The mean of the back-tested errors that stand beside the forecasts."""
    return float(np.mean([f.mase for f in found if f.mase is not None]))


def say(name: str, figure: str) -> None:
    """Prints one line."""
    print(f"{name:>18}  {figure}")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])

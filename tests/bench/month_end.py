"""How far off is the month's end as forecast on its third, tenth and twentieth day, beside a straight line?

python -m tests.bench.month_end FOLDER [SEED]: the folder of shared data. Each trace becomes a week of hours: of a
trace of minutes, its n-th 168th part is the week's n-th hour; of a trace of days, its first two weeks, averaged. The
week is repeated for fourteen weeks, each hour times log-normal noise of 10 %, each day of 10 %, each week of 5 %, and
1 % more from week to week, from a seed. Forecast are months of 30 days that begin with the seventh to the tenth week.
Spend at a price per unit is off by the same percentage.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from analytics.forecasts import forecasts
from meter.past import REACH, Past, Window

HOUR, WEEK = timedelta(hours=1), 168
BEGINS = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
WEEKS, MONTH = 14, 30
MONTHS = tuple(range(6, 10))
"""The weeks that a month begins with, so that there is six weeks' history and the month is within the fourteen."""
ASKED_ON = (3, 10, 20)
NOISE = {"hour": 0.10, "day": 0.10, "week": 0.05}
GROWTH = 1.01
Hours = np.ndarray[tuple[int], np.dtype[np.float64]]


class Error(NamedTuple):
    """By how many percent a month's end was missed: by the forecast, by the straight line.

    Was it in the 80 % and the 95 % band, and how wide are those, in percent of it.
    """

    forecast: float
    straight: float
    inside80: bool
    inside95: bool
    width80: float
    width95: float


def weeks(folder: Path) -> Iterator[tuple[str, Hours]]:
    """Answer each trace as a week of hours."""
    azure = pl.read_parquet(folder / "azure_llm_2023.parquet")
    for (service,), part in sorted(azure.partition_by("service", as_dict=True).items()):
        at = part.get_column("timestamp").dt.epoch("ms").to_numpy().astype(np.float64)
        yield str(service), squeezed(at, part.get_column("context_tokens").to_numpy())
    chat = pl.read_parquet(folder / "mooncake_conversation.parquet")
    yield "mooncake", squeezed(chat.get_column("timestamp_ms").to_numpy(), chat.get_column("input_tokens").to_numpy())
    cell = pl.read_parquet(folder / "dc_google2019_cell.parquet")
    yield "google cell cpu", averaged(cell.get_column("avg_cpu").to_numpy())
    region = pl.read_parquet(folder / "dc_azure_v2_region.parquet")
    yield "azure region cpu", averaged(region.get_column("cpu_usage").to_numpy())


def squeezed(at: Hours, amounts: Hours) -> Hours:
    """Answer a short trace in 168 equal parts."""
    part = np.minimum((at - at.min()) / (at.max() - at.min()) * WEEK, WEEK - 1).astype(np.int64)
    return np.bincount(part, weights=amounts, minlength=WEEK).astype(np.float64)


def averaged(five_minutes: Hours) -> Hours:
    """Answer two weeks of five-minute values as one week of hours."""
    hours = five_minutes[: 2 * WEEK * 12].reshape(-1, 12).sum(axis=1)
    mean: Hours = hours.reshape(2, WEEK).mean(axis=0)
    return mean


def lived(week: Hours, seed: int) -> Hours:
    """Answer fourteen weeks of it, none like the other."""
    dice = np.random.default_rng(seed)
    per = {"hour": 1, "day": 24, "week": WEEK}
    hours = np.tile(week, WEEKS) * GROWTH ** np.repeat(np.arange(WEEKS), WEEK)
    for name, sigma in NOISE.items():
        hours *= np.repeat(np.exp(dice.normal(0, sigma, WEEKS * WEEK // per[name])), per[name])
    return hours


def missed(hours: Hours, first_week: int, day: int) -> Error:
    """Answer how far off the end of a month is on one of its days."""
    start, now = first_week * WEEK, first_week * WEEK + day * 24
    end = start + MONTH * 24
    known, whole = hours[start:now].sum(), hours[start:end].sum()
    past = Past(instant(now), "UTC", windows(hours, now, 1), windows(hours, now, 24), instant(end), Decimal(str(known)))
    total = forecasts(past).total
    assert total is not None
    assert total.mean is not None
    low80, high80, low95, high95 = (
        float(edge) for edge in (total.low80, total.high80, total.low95, total.high95) if edge is not None
    )
    return Error(
        forecast=100 * abs(float(total.mean) / whole - 1),
        straight=100 * abs(known / day * MONTH / whole - 1),
        inside80=low80 <= whole <= high80,
        inside95=low95 <= whole <= high95,
        width80=100 * (high80 - low80) / whole,
        width95=100 * (high95 - low95) / whole,
    )


def windows(hours: Hours, now: int, width: int) -> list[Window]:
    """Answer the hours or days that were over."""
    reach = REACH["hour" if width == 1 else "day"]
    first = max(0, now - reach // HOUR)
    starts = range(first - first % width, now - now % width, width)
    return [Window(instant(at), Decimal(str(hours[at : at + width].sum())), 0, 0) for at in starts]


def instant(hour: int) -> datetime:
    """Answer when an hour begins."""
    return BEGINS + hour * HOUR


def main(arguments: Sequence[str]) -> None:
    """Forecasts each month's end of each trace, and says how far off it was on average."""
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    print(f"{'trace':>18}  day   forecast   straight   in 80 %   in 95 %   width 80   width 95")  # noqa: T201
    every: dict[int, list[Error]] = {day: [] for day in ASKED_ON}
    for number, (name, week) in enumerate(weeks(Path(arguments[0]))):
        hours = lived(week, seed * 100 + number)
        for day in ASKED_ON:
            found = [missed(hours, first, day) for first in MONTHS]
            every[day] += found
            say(name, day, found)
    for day, found in every.items():
        say("all", day, found)


def say(name: str, day: int, found: Sequence[Error]) -> None:
    """Prints the means of some months: errors, shares inside the bands, widths."""
    means = Error(*(float(np.mean(column)) for column in zip(*found, strict=True)))  # type: ignore[arg-type]
    print(  # noqa: T201
        f"{name:>18}  {day:>3}  {means.forecast:7.2f} %  {means.straight:7.2f} %  {100 * means.inside80:6.0f} %"
        f"  {100 * means.inside95:6.0f} %  {means.width80:7.1f} %  {means.width95:7.1f} %"
    )


if __name__ == "__main__":
    main(sys.argv[1:])

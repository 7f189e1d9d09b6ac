"""Analytics of recorded traces that were pushed as events, against what duckdb makes of the files themselves."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.analytics.traces import SCHEMA, asked
from tests.pipeline.traces import START, frame
from tests.served import Client, make_team, serving

pytestmark = pytest.mark.slow
PLACES = Decimal("0.000001")
AT_ONCE = 5_000
WEEK = timedelta(days=7)
SECOND, THIRD = START + WEEK, START + 2 * WEEK
ASKED = {"meter": "requests", "tz": "UTC"}
SUMS = """
    select date_trunc($unit, start) as bucket, sum(quantity) from rows
    where start >= $begin and start < $end group by bucket order by bucket
"""
PARTS = """
    select "group",
        sum(quantity) filter (start >= $middle and start < $end) as quantity,
        sum(quantity) filter (start >= $begin and start < $middle) as base
    from rows group by "group" order by quantity desc
"""


@pytest.fixture(name="rows", scope="module")
def fixture_rows() -> pl.DataFrame:
    """Answer 20 days of a region's processors and 18 days of a cell's, by five minutes."""
    region, cell = frame("dc_azure_v2_region"), frame("dc_google2019_cell")
    parts = [
        (region.get_column("timestamp"), region.get_column("cpu_usage"), "region"),
        (cell.get_column("timestamp_s"), cell.get_column("avg_cpu") * 1_000_000, "cell"),
    ]
    found = [
        (START + timedelta(seconds=int(at)), Decimal(str(value)).quantize(PLACES), group)
        for times, values, group in parts
        for at, value in zip(times, values, strict=True)
    ]
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def sent(client: Client, rows: pl.DataFrame) -> None:
    """Send all of it as events."""
    events = [
        {"id": f"{group} {at}", "time": at.isoformat(), "meter": "requests", "quantity": str(value), "service": group}
        for at, value, group in rows.iter_rows()
    ]
    for first in range(0, len(events), AT_ONCE):
        assert client.push(events[first : first + AT_ONCE])["rejected"] == []


def test_analytics_of_traces_are_what_duckdb_says(rows: pl.DataFrame, database: str, tmp_path: Path) -> None:
    """Parts and what changed them, days beside those of the week before, trends and peaks: to the last digit."""
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        sent(client, rows)
        _breakdown(client, rows)
        _compare(client, rows)
        _trends(client, rows)
        _peaks(client, rows)


def ask(client: Client, name: str, **more: str) -> Any:
    """Answer one of them about the second week."""
    return client.get(f"/v1/analytics/{name}", from_=SECOND.isoformat(), to=THIRD.isoformat(), **ASKED, **more)


def by(unit: str, begin: datetime, end: datetime, rows: pl.DataFrame) -> list[Decimal]:
    """Answer duckdb's sums of each hour or day."""
    return [total for _, total in asked(SUMS, rows, unit=unit, begin=begin, end=end)]


def _breakdown(client: Client, rows: pl.DataFrame) -> None:
    answer = ask(client, "breakdown", by="service", against="previous")
    told = asked(PARTS, rows, begin=START, middle=SECOND, end=THIRD)
    found = [(item["group"], Decimal(item["quantity"]), Decimal(item["base"])) for item in answer["items"]]
    assert found == told
    change = [quantity - base for _, quantity, base in told]
    assert [Decimal(item["contribution"]) for item in answer["items"]] == change
    assert Decimal(answer["change"]["absolute"]) == sum(change)


def _compare(client: Client, rows: pl.DataFrame) -> None:
    (group,) = ask(client, "compare", window="day")["groups"]
    days, before = by("day", SECOND, THIRD, rows), by("day", START, SECOND, rows)
    assert [(Decimal(pair["quantity"]), Decimal(pair["base"])) for pair in group["pairs"]] == list(
        zip(days, before, strict=True)
    )
    assert Decimal(group["change"]["absolute"]) == sum(days) - sum(before)


def _trends(client: Client, rows: pl.DataFrame) -> None:
    (group,) = ask(client, "trends", window="day")["groups"]
    days, before = by("day", SECOND, THIRD, rows), by("day", START, SECOND, rows)
    assert [Decimal(point["quantity"]) for point in group["points"]] == days
    assert (Decimal(group["total"]), Decimal(group["change"]["base"])) == (sum(days), sum(before))
    season = [sum((before + days)[end - 7 : end], Decimal(0)) / 7 for end in range(8, 15)]
    for point, mean in zip(group["points"], season, strict=True):
        assert Decimal(point["moving_average"]) == pytest.approx(mean, rel=Decimal("1e-9"))
    assert Decimal(group["peak"]["quantity"]) == max(days)


def _peaks(client: Client, rows: pl.DataFrame) -> None:
    (group,) = ask(client, "peaks", window="hour")["groups"]
    hours = by("hour", SECOND, THIRD, rows)
    threshold = sorted(hours)[-(-len(hours) * 95 // 100) - 1]
    assert Decimal(group["threshold"]) == threshold
    assert group["windows_above"] == sum(hour > threshold for hour in hours)
    assert Decimal(group["highest"]["quantity"]) == max(hours)
    mean = sum(hours, Decimal(0)) / len(hours)
    assert Decimal(group["load_factor"]) == pytest.approx(mean / max(hours), rel=Decimal("1e-9"))
    runs = sorted(map(len, "".join("x" if hour > threshold else " " for hour in hours).split()))
    assert group["found"] == len(runs) <= len(group["peaks"])
    assert sorted(peak["windows"] for peak in group["peaks"]) == runs

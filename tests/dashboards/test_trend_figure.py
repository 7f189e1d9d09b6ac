"""The figure as data: what is drawn, where, and what is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from dashboards.theme import DARK, LIGHT
from dashboards.trend_figure import GROUPS_MAX, figure
from dashboards.trend_view import ChangeView, GroupView, MeterView, PointView, SlopeView, TrendView
from meter.windows import Window

MONDAY = datetime(2025, 11, 3, tzinfo=UTC)
CPU = MeterView("cpu", "CPU", "core-hours")
HOUR = timedelta(hours=1)


def group(
    name: str | None, *quantities: int | None, start: datetime = MONDAY, step: timedelta = 24 * HOUR
) -> GroupView:
    """Make a group with one window per quantity, the last one still running."""
    points = tuple(
        PointView(
            from_=start + at * step,
            to=start + (at + 1) * step,
            quantity=None if value is None else Decimal(value),
            moving_average=Decimal(2),
            complete=at < len(quantities) - 1,
        )
        for at, value in enumerate(quantities)
    )
    line = SlopeView(Decimal(1), Decimal(10), Decimal(1), Decimal(3))
    return GroupView(name, Decimal(6), Decimal(2), 3, ChangeView(None, None), line, None, None, None, points)


def drawn(*groups: GroupView, meter: MeterView = CPU, window: Window = "day", tz: str = "UTC") -> dict[str, Any]:
    """Answer the figure as the browser gets it."""
    points = groups[0].points if groups else ()
    to = points[-1].to if points else MONDAY
    view = TrendView(MONDAY, to, window, tz, len(points), last_window_incomplete=True, groups=groups)
    answer: dict[str, Any] = json.loads(json.dumps(figure(view, meter), allow_nan=False))
    return answer


def test_one_series_has_bars_an_average_and_a_trend() -> None:
    """In this order, so that the lines lie over the bars."""
    made = drawn(group(None, 1, 2, 3, 1))
    assert [(trace["type"], trace["name"]) for trace in made["data"]] == [
        ("bar", "CPU"),
        ("scatter", "Moving average"),
        ("scatter", "Trend"),
    ]
    assert made["data"][2]["y"] == [1, 3]
    assert made["data"][2]["x"] == ["2025-11-03T12:00:00", "2025-11-05T12:00:00"]


def test_a_gap_is_shaded_and_not_drawn_as_zero() -> None:
    """Two windows without data are one rectangle, and null in the bars."""
    made = drawn(group(None, 1, None, None, 4))
    assert made["data"][0]["y"] == [1, None, None, 4]
    [gap] = made["layout"]["shapes"]
    assert (gap["x0"], gap["x1"]) == ("2025-11-04T00:00:00", "2025-11-06T00:00:00")


def test_a_window_where_any_group_has_data_is_no_gap() -> None:
    """The shade means that nothing came at all."""
    made = drawn(group("a", 1, None, 2), group("b", 1, 1, None))
    assert not made["layout"].get("shapes")


def test_the_running_window_is_paler_and_says_so() -> None:
    """It is not over, so it must not look like a fall."""
    bars = drawn(group(None, 1, 2))["data"][0]
    assert bars["marker"]["opacity"][0] == 1
    assert bars["marker"]["opacity"][1] < 0.5
    assert bars["customdata"] == ["Mon, Nov 3, 2025<br>1 core-hours", "Tue, Nov 4, 2025<br>2 core-hours so far"]


def test_small_groups_are_drawn_as_one() -> None:
    """The eighth of ten and all after it are added up, without making zero of no data."""
    groups = [group(f"g{at}", at, None) for at in range(10)]
    made = drawn(*groups)
    assert [trace["name"] for trace in made["data"]] == [*(f"g{at}" for at in range(7)), "Other (3)"]
    assert made["data"][-1]["y"] == [7 + 8 + 9, None]
    assert made["layout"]["barmode"] == "stack"
    assert len(made["data"]) == GROUPS_MAX


def test_what_cannot_be_added_up_is_lines_and_never_stacked() -> None:
    """Averages of services on top of each other would mean nothing."""
    made = drawn(group("a", 1, 2), group("b", 1, 2), meter=MeterView("rt", "Response time", "ms", additive=False))
    assert {trace["type"] for trace in made["data"]} == {"scatter"}


def test_group_names_are_text() -> None:
    """Plotly reads a little HTML in names and hovers: ours is escaped, and no group is named None."""
    made = drawn(group("<a href='x'>", 1, 2), group(None, 1, 2))
    assert [trace["name"] for trace in made["data"]] == ["&lt;a href=&#x27;x&#x27;&gt;", "None"]
    assert "<a" not in json.dumps(made["data"])


def test_an_hour_that_comes_twice_is_drawn_twice() -> None:
    """On Berlin's 26 October 2025 the bars stay apart: the whole figure keeps the offset it begins with."""
    start = datetime(2025, 10, 25, 22, tzinfo=UTC)
    bars = drawn(group(None, *range(6), start=start, step=HOUR), window="hour", tz="Europe/Berlin")["data"][0]
    assert len(set(bars["x"])) == 6
    assert bars["x"][0] == "2025-10-26T00:00:00"
    assert bars["customdata"][2].startswith("Sun, Oct 26, 02:00")
    assert bars["customdata"][3].startswith("Sun, Oct 26, 02:00")


def test_bars_are_as_wide_as_their_windows() -> None:
    """A month of 30 days is narrower than one of 31; the gap beside it is inside its window."""
    bars = drawn(group(None, 1, 2))["data"][0]
    day_ms = 24 * 3600 * 1000
    assert all(offset * 2 + width == day_ms for offset, width in zip(bars["offset"], bars["width"], strict=True))


def test_no_groups_is_an_empty_figure() -> None:
    """Nothing to draw is still something to answer."""
    made = drawn()
    assert made["data"] == []


def test_both_schemes_come_along_and_nothing_is_coloured_by_hand() -> None:
    """chart.js picks a template; a colour in a trace would be wrong in one of the two."""
    made = drawn(group("a", 1, 2), group("b", 1, 2))
    assert made["themes"]["light"]["layout"]["colorway"] == list(LIGHT.series)
    assert made["themes"]["dark"]["layout"]["colorway"] == list(DARK.series)
    assert "#" not in json.dumps([made["data"], made["layout"]])
    assert "template" not in made["layout"]

"""What was picked, and which instants that means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboards.trend_choice import RANGES, bounds, choose
from dashboards.trend_view import MeterView

METERS = (MeterView("cpu", "CPU", "core-hours"), MeterView("tokens", "Tokens", "tokens", group_by=("model",)))
NOW = datetime(2025, 11, 20, 9, 40, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def test_nothing_asked_is_the_first_meter_over_thirty_days() -> None:
    """The page has an answer without any query."""
    assert choose({}, METERS) == (METERS[0], "30d", "day", None, "")


def test_a_choice_reads_its_own_query() -> None:
    """What the page links to is what it shows."""
    for range_, each in RANGES.items():
        for window in each.windows:
            choice = choose({"meter": "tokens", "range": range_, "window": window, "group": "model"}, METERS)
            assert choose(choice.query(), METERS) == choice
            assert (choice.window, choice.group, choice.note) == (window, "model", "")


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ({"meter": "nothing"}, "There is no such meter; this is CPU."),
        ({"group": "model"}, "CPU can't be grouped that way."),
        ({"range": "12mo", "window": "15m"}, "That window does not suit 12 months; shown by week."),
    ],
)
def test_what_can_not_be_shown_is_said(query: dict[str, str], note: str) -> None:
    """An old bookmark shows something, and says what it left out."""
    assert choose(query, METERS).note == note


def test_an_unknown_range_is_the_default() -> None:
    """There is always a range."""
    assert choose({"range": "<script>"}, METERS).range_ == "30d"


def test_no_meters_is_an_error() -> None:
    """There is nothing to choose from."""
    with pytest.raises(ValueError, match="no meters"):
        choose({}, ())


@pytest.mark.parametrize(
    ("query", "from_", "to"),
    [
        ({"range": "24h"}, datetime(2025, 11, 19, 10, tzinfo=UTC), datetime(2025, 11, 20, 10, tzinfo=UTC)),
        ({"range": "7d"}, datetime(2025, 11, 13, 23, tzinfo=UTC), datetime(2025, 11, 20, 10, tzinfo=UTC)),
        ({"range": "30d"}, datetime(2025, 10, 21, 22, tzinfo=UTC), datetime(2025, 11, 20, 23, tzinfo=UTC)),
        (
            {"range": "12mo", "window": "month"},
            datetime(2024, 11, 30, 23, tzinfo=UTC),
            datetime(2025, 11, 30, 23, tzinfo=UTC),
        ),
    ],
)
def test_spans_begin_at_local_edges_and_end_with_the_running_window(
    query: dict[str, str], from_: datetime, to: datetime
) -> None:
    """Thirty days of Berlin begin in summer time and end in winter time."""
    assert bounds(choose(query, METERS), NOW, BERLIN) == (from_, to)

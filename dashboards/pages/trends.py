"""Where is usage going? The trends page: tiles, figure and table of one meter over a span. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel import Locale

from dashboards import numbers
from dashboards.trend_choice import AUTO, RANGES, Choice
from dashboards.trend_figure import NO_GROUP, figure
from dashboards.trend_view import GroupView, MeterView, PointView, TrendView

PATH = "/dashboard"
FIGURE_PATH = "/dashboard/trends.json"
TEMPLATE = "trends.html"
TITLE = "Usage"
IN_MENU = True

ROWS_MAX = 100
PER_MILLE = Decimal("0.001")
WINDOW_WORDS = {AUTO: "Automatic", "15m": "15 minutes", "hour": "Hour", "day": "Day", "week": "Week", "month": "Month"}
PER_WINDOW = {"15m": "per 15 minutes", "hour": "per hour", "day": "per day", "week": "per week", "month": "per month"}

__all__ = ["FIGURE_PATH", "PATH", "TEMPLATE", "TITLE", "context", "figure"]


def context(  # noqa: PLR0913 (what a page shows)
    *,
    team_name: str,
    choice: Choice,
    meters: Sequence[MeterView],
    overall: TrendView | None,
    grouped: TrendView | None,
    as_of: datetime | None,
    tz: str,
    coverage: Decimal | None = None,
    problem: str = "",
    locale: str = "en",
) -> dict[str, object]:
    """Answer everything `trends.html` shows, as text.

    `overall` is the trend without grouping, `grouped` the one by `choice.group` (None when nothing is grouped). Both
    are None when they could not be had, and `problem` says why. `as_of` is the watermark of the data, `coverage`
    for how much of the time there is data (None: nobody knows how much there should be).
    """
    has_data = overall is not None and any(group.windows_with_data for group in overall.groups)
    return {
        "title": TITLE,
        "team_name": team_name,
        "page": "trends",
        "locale": locale,
        "heading": choice.meter.title,
        "span": _span(overall, locale) if overall else RANGES[choice.range_].title,
        "tz": tz,
        "form": _form(choice, meters),
        "note": choice.note,
        "problem": problem,
        "state": "error" if problem or overall is None else "data" if has_data else "empty",
        "range_words": RANGES[choice.range_].title.lower(),
        "tiles": _tiles(choice, overall, as_of, tz, locale) if overall and has_data else [],
        "figure_url": f"{FIGURE_PATH}?{urlencode(choice.query())}",
        "figure_summary": _summary(choice, overall, locale) if overall and has_data else "",
        "remarks": _remarks(overall, coverage, locale) if overall and has_data else [],
        "group_table": _group_table(grouped, choice, locale) if grouped and has_data else None,
        "window_table": _window_table(overall, choice, locale) if overall and has_data and not grouped else None,
    }


def _span(view: TrendView, locale: str) -> str:
    first, last = (
        numbers.day(_local(view.from_, view.tz), locale),
        numbers.day(numbers.last_day(view.to, view.tz), locale),
    )
    return f"{first} \N{EN DASH} {last}"


def _local(instant: datetime, tz: str) -> datetime:
    return instant.astimezone(ZoneInfo(tz))


def _form(choice: Choice, meters: Sequence[MeterView]) -> list[dict[str, object]]:
    """Answer the selects of the form in order: name, label and options (value, words, selected)."""
    groups = {"": "Nothing", **{name: name.replace("_", " ").capitalize() for name in choice.meter.group_by}}
    windows = {
        name: WINDOW_WORDS[name]
        for name in (AUTO, *sorted(RANGES[choice.range_].windows, key=list(WINDOW_WORDS).index))
    }
    return [
        _select("meter", "Meter", {meter.slug: meter.title for meter in meters}, choice.meter.slug),
        _select("range", "Range", {name: each.title for name, each in RANGES.items()}, choice.range_),
        _select("window", "Window", windows, choice.window),
        _select("group", "Group by", groups, choice.group or ""),
    ]


def _select(name: str, label: str, options: dict[str, str], selected: str) -> dict[str, object]:
    return {
        "name": name,
        "label": label,
        "options": [(value, words, value == selected) for value, words in options.items()],
    }


def _tiles(choice: Choice, view: TrendView, as_of: datetime | None, tz: str, locale: str) -> list[dict[str, str]]:
    """Answer the summary in reading order: label, figure, what it means, and a tone for the change."""
    group, unit = view.groups[0], choice.meter.unit
    return [
        _size_tile(group, unit, locale),
        _change_tile(group, choice, locale),
        _trend_tile(group, view, unit, locale),
        _peak_tile(group, view, unit, locale),
        _rhythm_tile(group, locale),
        _freshness_tile(group, view, as_of, tz, locale),
    ]


def _tile(label: str, value: str, words: str, unit: str = "") -> dict[str, str]:
    return {"label": label, "value": value, "unit": unit if value != numbers.NOTHING else "", "words": words}


def _size_tile(group: GroupView, unit: str, locale: str) -> dict[str, str]:
    if group.total is None:
        return _tile("Mean", numbers.short_quantity(group.mean, locale), "of the windows with data", unit)
    return _tile("Total", numbers.short_quantity(group.total, locale), "including the running window", unit)


def _change_tile(group: GroupView, choice: Choice, locale: str) -> dict[str, str]:
    before = f"the {RANGES[choice.range_].span} before"
    absolute = group.change.absolute
    if absolute is None:
        return _tile("Change", numbers.NOTHING, f"No data in {before}")
    words = f"{_signed(absolute, locale)} {choice.meter.unit} against {before}"
    return _tile("Change", numbers.percent(group.change.percent, locale), words)


def _signed(value: Decimal, locale: str) -> str:
    return numbers.signed(numbers.short_quantity(abs(value), locale), value)


def _trend_tile(group: GroupView, view: TrendView, unit: str, locale: str) -> dict[str, str]:
    if group.slope is None:
        return _tile("Trend", numbers.NOTHING, "Needs three finished windows")
    words = f"{PER_WINDOW[view.window]}: {_signed(group.slope.per_window, locale)} {unit}"
    return _tile("Trend", numbers.percent(group.slope.percent_per_window, locale), words)


def _peak_tile(group: GroupView, view: TrendView, unit: str, locale: str) -> dict[str, str]:
    if group.peak is None:
        return _tile("Peak", numbers.NOTHING, "")
    words = numbers.window_words(group.peak.from_, group.peak.to, view.window, view.tz, locale)
    return _tile("Peak", numbers.short_quantity(group.peak.quantity, locale), words, unit)


def _rhythm_tile(group: GroupView, locale: str) -> dict[str, str]:
    """Answer the busiest weekday and hour, as far as the windows are fine enough to tell."""
    parts = []
    if group.busiest_weekday is not None:
        parts.append(Locale.parse(locale).days["format"]["wide"][group.busiest_weekday.value - 1])
    if group.busiest_hour is not None:
        parts.append(f"{group.busiest_hour.value:02d}:00")
    what = " and hour" if group.busiest_hour is not None else ""
    words = f"The weekday{what} with the highest mean" if parts else "Needs windows of a day or less"
    return _tile("Busiest", " · ".join(parts) or numbers.NOTHING, words)


def _freshness_tile(group: GroupView, view: TrendView, as_of: datetime | None, tz: str, locale: str) -> dict[str, str]:
    value = numbers.NOTHING if as_of is None else numbers.moment(as_of, tz, locale)
    return _tile("Data up to", value, f"{group.windows_with_data} of {view.windows} windows have data")


def _summary(choice: Choice, view: TrendView, locale: str) -> str:
    """Answer the figure in a sentence, for those who do not see it."""
    group = view.groups[0]
    word, size = ("mean", group.mean) if group.total is None else ("total", group.total)
    what = f"{choice.meter.title} in {choice.meter.unit} {PER_WINDOW[view.window]}, {_span(view, locale)}"
    parts = [f"{what}: {word} {numbers.quantity(size, locale)}"]
    if group.peak is not None:
        peak = numbers.window_words(group.peak.from_, group.peak.to, view.window, view.tz, locale)
        parts.append(f"peak {numbers.quantity(group.peak.quantity, locale)} ({peak})")
    return "; ".join(parts) + "."


def _remarks(view: TrendView, coverage: Decimal | None, locale: str) -> list[str]:
    """Answer what the eye needs told below the figure."""
    remarks = []
    if view.last_window_incomplete:
        remarks.append("The last window is still running: it is left out of change and trend.")
    if view.groups[0].windows_with_data < view.windows:
        remarks.append("Shaded: no data came, which is not zero.")
    if coverage is not None and coverage < 1:
        known = numbers.share(coverage.quantize(PER_MILLE, ROUND_DOWN), locale)  # 100 % would be all of it
        remarks.append(f"Data for {known} of the time in which it was expected.")
    return [*remarks, f"Times in {view.tz}."]


def _group_table(view: TrendView, choice: Choice, locale: str) -> dict[str, object]:
    """Answer the groups by size with their share of the whole, change and peak."""
    sizes = [group.mean if group.total is None else group.total for group in view.groups]
    whole = sum((size for size in sizes if size is not None), Decimal(0)) if choice.meter.additive else Decimal(0)
    peaks = [None if group.peak is None else group.peak.quantity for group in view.groups]
    texts = zip(numbers.aligned(sizes, locale), numbers.aligned(peaks, locale), strict=True)
    rows = [
        {**_group_row(group, view, locale), "size": size_text, "peak": peak_text, "share": _share(size, whole, locale)}
        for group, size, (size_text, peak_text) in zip(view.groups, sizes, texts, strict=True)
    ]
    return {
        "caption": f"By {(choice.group or '').replace('_', ' ')}",
        "by": (choice.group or "").replace("_", " ").capitalize(),
        "additive": choice.meter.additive,
        "size": "Total" if choice.meter.additive else "Mean",
        "unit": choice.meter.unit,
        "rows": rows[:ROWS_MAX],
        "left_out": max(0, len(rows) - ROWS_MAX),
    }


def _share(size: Decimal | None, whole: Decimal, locale: str) -> str:
    return numbers.share(size / whole, locale) if size is not None and whole else numbers.NOTHING


def _group_row(group: GroupView, view: TrendView, locale: str) -> dict[str, object]:
    peak = group.peak
    return {
        "name": NO_GROUP if group.group is None else group.group,
        "named": group.group is not None,
        "change": numbers.percent(group.change.percent, locale),
        "peak_when": "" if peak is None else numbers.window_words(peak.from_, peak.to, view.window, view.tz, locale),
    }


def _window_table(view: TrendView, choice: Choice, locale: str) -> dict[str, object]:
    """Answer the windows, newest first, as many as a page bears."""
    points = view.groups[0].points[::-1]
    shown = points[:ROWS_MAX]
    quantities = numbers.aligned([point.quantity for point in shown], locale)
    averages = numbers.aligned([point.moving_average for point in shown], locale)
    return {
        "caption": f"{choice.meter.title} {PER_WINDOW[view.window]}",
        "unit": choice.meter.unit,
        "rows": [
            {
                "window": numbers.window_words(point.from_, point.to, view.window, view.tz, locale),
                "quantity": quantity,
                "average": average,
                "state": _state(point),
            }
            for point, quantity, average in zip(shown, quantities, averages, strict=True)
        ],
        "left_out": max(0, len(points) - ROWS_MAX),
    }


def _state(point: PointView) -> str:
    return "No data" if point.quantity is None else "" if point.complete else "Running"

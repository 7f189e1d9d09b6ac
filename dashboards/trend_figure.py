"""The figure of the trends page: bars per window, their average and trend line, and where no data came. Pure.

Figures are drawn from floats; the numbers people read are formatted from the decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from html import escape
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

import msgspec
import plotly.graph_objects as go

from dashboards import numbers
from dashboards.theme import LIGHT, themes
from dashboards.trend_view import GroupView, MeterView, TrendView

GROUPS_MAX = len(LIGHT.series)
FADED = 0.4  # a window that is still running
PLAIN_BARS_MAX = 120  # above, a gap between bars would be thinner than a pixel
NO_GROUP = "None"

Trace = dict[str, object]


def figure(view: TrendView, meter: MeterView, locale: str = "en") -> dict[str, object]:
    """Answer `{data, layout, config, themes}`, JSON-ready, for chart.js.

    One group: bars, the moving average, the trend line. Several: stacked bars of the largest, the rest as one ("Other
    (n)"); lines instead where a meter can't be added up. Times are the wall clock of `view.tz`. Windows without any
    data are shaded.
    """
    groups = folded(view.groups) if meter.additive else view.groups[:GROUPS_MAX]
    x = _Axis(view)
    single = len(groups) == 1 and groups[0].group is None
    mark = _bars if meter.additive or single else _line
    data = [mark(group, x, view, meter, locale) for group in groups]
    if single:
        data += _average_and_trend(groups[0], x)
    layout = {
        "barmode": "stack",
        "showlegend": len(data) > 1,
        "shapes": list(_gaps(groups, x)),
        "xaxis": {"type": "date", "range": x.range()},
        "yaxis": {"title": {"text": meter.unit}},
    }
    drawn = go.Figure(data=data, layout=layout).to_plotly_json()
    drawn["layout"].pop("template", None)
    return {
        "data": drawn["data"],
        "layout": drawn["layout"],
        "config": {"displayModeBar": False, "responsive": True},
        "themes": themes(),
    }


def folded(groups: Sequence[GroupView]) -> tuple[GroupView, ...]:
    """Answer at most GROUPS_MAX groups: the first ones, and the sum of the others under one name."""
    if len(groups) <= GROUPS_MAX:
        return tuple(groups)
    kept, rest = groups[: GROUPS_MAX - 1], groups[GROUPS_MAX - 1 :]
    points = tuple(
        msgspec.structs.replace(column[0], quantity=_sum([point.quantity for point in column]))
        for column in zip(*(group.points for group in rest), strict=True)
    )
    other = msgspec.structs.replace(rest[0], group=f"Other ({len(rest)})", points=points)
    return (*kept, other)


def _sum(quantities: Sequence[Decimal | None]) -> Decimal | None:
    known = [quantity for quantity in quantities if quantity is not None]
    return sum(known, Decimal(0)) if known else None


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


class _Axis:
    """Where windows lie on the axis: local wall-clock text, and widths in milliseconds."""

    def __init__(self, view: TrendView) -> None:
        points = view.groups[0].points if view.groups else ()
        zone = ZoneInfo(view.tz)
        starts = [point.from_.astimezone(zone).replace(tzinfo=None) for point in points]
        if any(later <= earlier for earlier, later in pairwise(starts)):
            # an hour that the clocks repeat would draw two bars as one: keep the offset of the beginning throughout
            offset = points[0].from_.astimezone(zone).utcoffset() or timedelta()
            starts = [(point.from_ + offset).replace(tzinfo=None) for point in points]
        self.starts = starts
        self.widths = [(point.to - point.from_) / timedelta(milliseconds=1) for point in points]
        self.ends = [start + (point.to - point.from_) for start, point in zip(starts, points, strict=True)]
        self.text = [start.isoformat() for start in starts]

    def middle(self) -> list[str]:
        """Answer the middles of the windows, where a line's points belong."""
        return [(start + (end - start) / 2).isoformat() for start, end in zip(self.starts, self.ends, strict=True)]

    def range(self) -> list[str] | None:
        """Answer the first start and the last end, None without windows."""
        return [self.starts[0].isoformat(), self.ends[-1].isoformat()] if self.starts else None


def _hover(group: GroupView, view: TrendView, meter: MeterView, locale: str) -> list[str]:
    """Answer what each window says when pointed at; group names are text, whatever is in them.

    No bold: plotly would write it as an inline style, which our content policy forbids.
    """
    name = f"<br>{escape(group.group or NO_GROUP)}" if len(view.groups) > 1 else ""
    return [
        f"{numbers.window_words(point.from_, point.to, view.window, view.tz, locale)}{name}"
        f"<br>{numbers.quantity(point.quantity, locale)} {escape(meter.unit)}"
        f"{'' if point.complete else ' so far'}"
        for point in group.points
    ]


def _base(group: GroupView, view: TrendView, meter: MeterView, locale: str) -> Trace:
    name = meter.title if len(view.groups) == 1 and group.group is None else group.group or NO_GROUP
    return {
        "name": escape(name),
        "y": [_number(point.quantity) for point in group.points],
        "customdata": _hover(group, view, meter, locale),
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _bars(group: GroupView, x: _Axis, view: TrendView, meter: MeterView, locale: str) -> Trace:
    share = 0.82 if len(group.points) <= PLAIN_BARS_MAX else 1.0
    return {
        "type": "bar",
        **_base(group, view, meter, locale),
        "x": x.text,
        "offset": [width * (1 - share) / 2 for width in x.widths],
        "width": [width * share for width in x.widths],
        "marker": {"opacity": [1.0 if point.complete else FADED for point in group.points], "line": {"width": 0}},
    }


def _line(group: GroupView, x: _Axis, view: TrendView, meter: MeterView, locale: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        **_base(group, view, meter, locale),
        "x": x.middle(),
        "connectgaps": False,
        "line": {"width": 2},
    }


def _average_and_trend(group: GroupView, x: _Axis) -> list[Trace]:
    """Answer the lines over a single group's bars; each only where there is one."""
    lines: list[Trace] = []
    middle = x.middle()
    if sum(point.moving_average is not None for point in group.points) > 1:
        averages = [_number(point.moving_average) for point in group.points]
        lines.append(_over("Moving average", middle, averages, {"width": 2, "shape": "spline", "smoothing": 0.4}))
    whole = [at for at, point in zip(middle, group.points, strict=True) if point.complete]
    if group.slope is not None and len(whole) > 1:
        ends = [float(group.slope.first), float(group.slope.last)]
        lines.append(_over("Trend", [middle[0], whole[-1]], ends, {"width": 2, "dash": "dot"}))
    return lines


def _over(name: str, x: list[str], y: Sequence[float | None], line: dict[str, object]) -> Trace:
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": list(y), "line": line, "hoverinfo": "skip"}


def _gaps(groups: Sequence[GroupView], x: _Axis) -> list[dict[str, object]]:
    """Answer one shaded rectangle per run of windows in which no group has data."""
    columns = zip(*(group.points for group in groups), strict=True)
    empty = [all(point.quantity is None for point in column) for column in columns]
    runs = [list(run) for is_gap, run in groupby(range(len(empty)), key=empty.__getitem__) if is_gap]
    return [
        {
            "type": "rect",
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "x0": x.starts[run[0]].isoformat(),
            "x1": x.ends[run[-1]].isoformat(),
        }
        for run in runs
    ]

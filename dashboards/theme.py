"""One look for every figure: plotly templates for light and dark pages, in the colours of static/hourmeter.css."""

from __future__ import annotations

from typing import NamedTuple

import plotly.graph_objects as go

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"


class Palette(NamedTuple):
    """The colours of one scheme. `series` begins with the accent and stays apart for colour-blind eyes."""

    ink: str
    muted: str
    line: str
    surface: str
    gap: str
    series: tuple[str, ...]


LIGHT = Palette(
    ink="#16202a",
    muted="#56636d",
    line="#e3e8eb",
    surface="#ffffff",
    gap="#eef1f3",
    series=("#0b7285", "#d9730d", "#5b4bb8", "#2f8f46", "#c2255c", "#3178c6", "#8a7a00", "#7d8a94"),
)
DARK = Palette(
    ink="#e6ebee",
    muted="#9aa7b0",
    line="#2b353d",
    surface="#171e24",
    gap="#20292f",
    series=("#3fb8cb", "#f0a04b", "#a596f3", "#6cc381", "#f0709b", "#74aee8", "#cfbe4c", "#8b98a1"),
)


def template(palette: Palette) -> dict[str, object]:
    """Answer the plotly template of one scheme, JSON-ready. Backgrounds stay clear: the page has the surface."""
    axis = {
        "gridcolor": palette.line,
        "linecolor": palette.line,
        "zeroline": False,
        "ticks": "",
        "automargin": True,
        "title": {"font": {"size": 12, "color": palette.muted}},
        "tickfont": {"size": 12, "color": palette.muted},
    }
    layout = go.Layout(
        colorway=palette.series,
        font={"family": FONT, "size": 13, "color": palette.ink},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={**axis, "showgrid": False, "showline": True},
        yaxis={**axis, "rangemode": "tozero", "tickformat": "~s"},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0, "traceorder": "normal"},
        hoverlabel={
            "bgcolor": palette.surface,
            "bordercolor": palette.line,
            "font": {"family": FONT, "size": 13, "color": palette.ink},
        },
        hovermode="x",
        bargap=0,
        shapedefaults={"fillcolor": palette.gap, "line": {"width": 0}, "layer": "below"},
    )
    return dict(go.layout.Template(layout=layout).to_plotly_json())


def themes() -> dict[str, object]:
    """Answer both templates; chart.js takes the one the reader's device asks for."""
    return {"light": template(LIGHT), "dark": template(DARK)}

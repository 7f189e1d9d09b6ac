"""How did usage go, day by day? Bars as SVG of our own, without script and style: the same on paper and screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec
from markupsafe import Markup

from dashboards import numbers

WIDTH, HEIGHT = 1000, 120
FILLED = Decimal("0.78")  # of a bar's place
LEAST = 2  # so that a little is seen


class Chart(msgspec.Struct, frozen=True):
    """A meter's usage by days (or weeks) that begin at `starts`. `corrected`: it is no longer what was billed."""

    title: str
    unit: str
    starts: tuple[date, ...]
    quantities: tuple[Decimal, ...]
    window: str = "day"
    corrected: bool = False


def drawn(chart: Chart, locale: str = "en") -> dict[str, object]:
    """Answer the picture and the words around it: what, the most and when, and both ends."""
    most = max(chart.quantities, default=Decimal(0))
    when = chart.starts[chart.quantities.index(most)] if most > 0 else None
    unit = "" if chart.unit.lower() in chart.title.lower() else f" {chart.unit}"
    return {
        "title": chart.title,
        "words": f"per {chart.window}{',' + unit if unit else ''}",
        "most": f"most {numbers.short_quantity(most, locale)} on {numbers.day(when, locale)}" if when else "none",
        "first": numbers.day(chart.starts[0], locale) if chart.starts else "",
        "last": numbers.day(chart.starts[-1], locale) if len(chart.starts) > 1 else "",
        "svg": bars(chart.quantities),
    }


def bars(quantities: Sequence[Decimal]) -> Markup:
    """Answer the bars of quantities, zero at the bottom; what is below zero has no bar."""
    most = max(quantities, default=Decimal(0))
    place = Decimal(WIDTH) / max(len(quantities), 1)
    drawn_bars = Markup("").join(
        _bar(at * place, place * FILLED, max(quantity / most * HEIGHT, Decimal(LEAST)))
        for at, quantity in enumerate(quantities)
        if quantity > 0
    )
    return Markup(
        '<svg class="bars" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" preserveAspectRatio="none" '
        'fill="#0b7285" aria-hidden="true" focusable="false">{}'
        '<rect class="base" x="0" y="{}" width="{}" height="1.5" fill="#b9c3ca"></rect></svg>'
    ).format(WIDTH, HEIGHT + 2, drawn_bars, HEIGHT, WIDTH)


def _bar(x: Decimal, width: Decimal, height: Decimal) -> Markup:
    return Markup('<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"></rect>').format(
        x, HEIGHT - height, width, height
    )

"""What do we say? Usage of a service's team, asked for in the windows and groups of another side's totals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlencode

from meter.collect.ask import RefusedError, Service
from meter.load.mapping import Columns
from meter.reconcile import Amounts, Place
from meter.reconcile_file import LABELS, Range
from meter.spans import Span
from meter.windows import floor, following

USAGE = "/v1/usage"
AT_ONCE = timedelta(days=31)
TOO_MANY = "invalid_parameter"
ADDED_UP = ("sum", "count", "time_weighted")


class NotAddedUpError(Exception):
    """A meter whose quantities are no sums, so that totals of it mean nothing; the message says which."""


class Ours(NamedTuple):
    """What the service says: the amounts, and the unit of each meter."""

    amounts: Amounts
    units: Mapping[str, str]


def ours(service: Service, meters: Sequence[str], columns: Columns, asked: Range, span: Span) -> Ours:
    """Usage of each meter in a span that begins and ends at windows; texts that are set for all rows narrow it.

    Raises RefusedError with the service's words, ConnectionError, and NotAddedUpError.
    """
    amounts: dict[Place, Decimal] = {}
    units: dict[str, str] = {}
    for meter in meters:
        question = {"meter": meter, "tz": asked.zone.key, **narrowed(columns)}
        units[meter] = _unit(service, question, span)
        question |= {"window": asked.window} | ({"group_by": ",".join(asked.by)} if asked.by else {})
        for item in _items(service, question, asked, span):
            if item["quantity"] is not None:
                group = tuple(item[name] for name in asked.by)
                start = datetime.fromisoformat(item["from"])
                amounts[Place(meter, start, group)] = Decimal(item["quantity"])
    return Ours(amounts, units)


def narrowed(columns: Columns) -> dict[str, str]:
    """The filters that fixed texts are: of a file that is all of one service, ours is of that service too."""
    found = {target.removeprefix("dimensions."): text for target, text in columns.set.items()}
    return {name: text for name, text in found.items() if name in LABELS or f"dimensions.{name}" in columns.set}


def _unit(service: Service, question: Mapping[str, str], span: Span) -> str:
    """The unit of a meter that can be added up."""
    answer = service.ask("GET", _path({**question, **_between(*span), "limit": "1"}))
    read = answer["meters"][0]
    if read["aggregation"] not in ADDED_UP:
        raise NotAddedUpError(f"{read['meter']} is read as its {read['aggregation']}, which has no total to compare")
    return str(read["unit"])


def _items(service: Service, question: Mapping[str, str], asked: Range, span: Span) -> Iterator[dict[str, Any]]:
    """All items of a span, a month at a time, or less where the service says that it would be too many."""
    start, end = span
    while start < end:
        stop = min(end, _edge(start + AT_ONCE, asked, start))
        yield from _halved(service, question, asked, Span(start, stop))
        start = stop


def _halved(service: Service, question: Mapping[str, str], asked: Range, span: Span) -> list[dict[str, Any]]:
    start, end = span
    try:
        return service.lines(_path({**question, **_between(start, end)}))
    except RefusedError as error:
        middle = _edge(start + (end - start) / 2, asked, start)
        if error.code != TOO_MANY or middle >= end:
            raise
    first = _halved(service, question, asked, Span(start, middle))
    return first + _halved(service, question, asked, Span(middle, end))


def _edge(near: datetime, asked: Range, after: datetime) -> datetime:
    """The start of a window about an instant, later than the window that begins at `after`."""
    found = floor(near, asked.window, asked.zone)
    return found if found > after else following(after, asked.window, asked.zone)


def _between(start: datetime, end: datetime) -> dict[str, str]:
    return {"from": start.isoformat(), "to": end.isoformat()}


def _path(question: Mapping[str, str]) -> str:
    return f"{USAGE}?{urlencode(question)}"

"""An answer of analytics as it is sent: the frame that all have in common, as JSON or as rows, under an ETag."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypedDict, TypeVar

import msgspec
from litestar import Response

from api.analytics_rows import Measure, Rows
from api.coverage_view import share_view
from api.etag import tagged
from api.formats import (
    MEDIA_TYPES,
    Column,
    Format,
    Table,
    Value,
    as_arrow,
    as_csv,
    as_ndjson,
    as_parquet,
    check_fits,
    format_of,
)
from api.request import Request
from api.state import Shell
from meter.rating.list_price import NoPrice
from meter.usage import plain
from meter.windows import Window

COLUMNAR: dict[Format, Callable[[Table], bytes]] = {"arrow": as_arrow, "parquet": as_parquet}
EXPONENT = re.compile(rb'"-?\d(?:\.\d+)?E-\d+"')


class NoListPrice(msgspec.Struct, frozen=True):
    """A meter of which some usage, or all, is in no amount, and why: the reasons of `GET /v1/usage/members`."""

    meter: str
    reason: NoPrice


class AnalyticsFrame(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What every answer tells first: which measure, of what, when, and how much of the data there is.

    Numbers are quantities in `unit` (measure=quantity) or amounts in `currency` (measure=cost); the other is null, as
    `meter` is where several are asked for: `meters` names all. `as_of` is when the team's data last changed, null where
    there never was any. `coverage`: for how much of the time that series were expected to report there is data, from 0
    to 1; null where nobody knows how much there should be. `unpriced` is in no amount.
    """

    measure: Measure
    meter: str | None
    meters: tuple[str, ...]
    unit: str | None
    currency: str | None
    from_: datetime
    to: datetime
    window: Window | None
    tz: str
    as_of: datetime | None
    coverage: str | None
    computed_at: datetime
    unpriced: tuple[NoListPrice, ...]


class Told(TypedDict):
    """The part of the frame that the rows tell."""

    measure: Measure
    meter: str | None
    meters: tuple[str, ...]
    unit: str | None
    currency: str | None
    as_of: datetime | None
    coverage: str | None
    computed_at: datetime
    unpriced: tuple[NoListPrice, ...]


A = TypeVar("A", bound=AnalyticsFrame)


class Sheet(NamedTuple):
    """An answer as rows: names and kinds of the columns, and the rows."""

    columns: Mapping[str, type[Value]]
    rows: Sequence[Sequence[Value]]


def told(shell: Shell, rows: Rows, measure: Measure) -> Told:
    """What the rows tell, as of this instant."""
    return Told(
        measure=measure,
        meter=rows.meters[0] if len(rows.meters) == 1 else None,
        meters=rows.meters,
        unit=rows.unit,
        currency=rows.currency,
        as_of=rows.as_of,
        coverage=share_view(rows.coverage),
        computed_at=shell.clock(),
        unpriced=tuple(NoListPrice(*each) for each in rows.unpriced),
    )


def answer_of(kind: type[A], told: Told, made: object, **more: object) -> A:
    """An answer of that kind: what the rows tell, what a job made under the same names, and `more` in place of that."""
    fields: dict[str, Any] = {name: getattr(made, name) for name in kind.__struct_fields__ if hasattr(made, name)}
    fields.update(told, **more)
    return kind(**fields)


async def answered(
    request: Request, shell: Shell, asked: Format | None, answer: AnalyticsFrame, sheet: Callable[[], Sheet]
) -> Response[Any]:
    """The answer in the form asked for. Raises InvalidParameter for numbers that columns of that form can't hold.

    The ETag is of all but `computed_at`, so it is a weak one: the same as the one before unless something changed.
    """
    form = format_of(request, asked)
    if form != "json":
        return tagged(request, await _body(shell, form, sheet), MEDIA_TYPES[form])
    body = as_json(answer)
    found = tagged(request, body.replace(msgspec.json.encode(answer.computed_at), b"", 1), MEDIA_TYPES[form])
    found.headers["ETag"] = f"W/{found.headers['ETag']}"
    if found.content is not None:
        found.content = body
    return found


async def _body(shell: Shell, form: Format, sheet: Callable[[], Sheet]) -> bytes:
    """The rows, written away from the event loop: there may be very many."""
    made = await asyncio.to_thread(sheet)
    if form == "csv":
        return (await asyncio.to_thread(as_csv, list(made.columns), made.rows)).encode()
    if form == "ndjson":
        return await asyncio.to_thread(as_ndjson, _documents(made))
    table = await asyncio.to_thread(_table, made)
    return await shell.cpu.run(COLUMNAR[form], table)


def _documents(sheet: Sheet) -> Iterable[dict[str, object]]:
    for row in sheet.rows:
        values = (plain(value) if isinstance(value, Decimal) else value for value in row)
        yield dict(zip(sheet.columns, values, strict=True))


def _table(sheet: Sheet) -> Table:
    found = list(zip(*sheet.rows, strict=True)) or [()] * len(sheet.columns)
    for each in found:
        check_fits(each)
    return {name: Column(kind, values) for (name, kind), values in zip(sheet.columns.items(), found, strict=True)}


def as_json(answer: msgspec.Struct) -> bytes:
    """The answer as JSON, numbers as text without exponents: it is rare that one is so small that it would have one."""
    body = msgspec.json.encode(answer)
    if b"E-" not in body or not EXPONENT.search(body):
        return body
    return msgspec.json.encode(_spelled(msgspec.to_builtins(answer, builtin_types=(Decimal, datetime))))


def _spelled(value: object) -> object:
    if isinstance(value, dict):
        return {name: _spelled(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spelled(each) for each in value]
    return f"{value:f}" if isinstance(value, Decimal) else value

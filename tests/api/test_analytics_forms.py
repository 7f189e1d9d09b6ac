"""Answers of analytics as CSV, NDJSON, Arrow and Parquet say what JSON says, and need not be sent twice."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import polars as pl
import pytest

from tests.api.analytics_site import COST, SPAN, START, event, fortnight, get, team_of, told
from tests.api.site import Site

Rows = list[dict[str, Any]]


def points(answer: Any) -> Rows:
    """List the rows of a trend."""
    return [{"group": group["group"], **point} for group in answer["groups"] for point in group["points"]]


def pairs(answer: Any) -> Rows:
    """List the rows of a comparison."""
    return [{"group": group["group"], **pair} for group in answer["groups"] for pair in group["pairs"]]


def months(answer: Any) -> Rows:
    """List the rows of months."""
    return [
        {"group": group["group"], "quantity": month["change"]["current"], **month["change"], **month}
        for group in answer["groups"]
        for month in group["months"]
    ]


def items(answer: Any) -> Rows:
    """List the rows of a breakdown."""
    listed = [{"other": False, "groups": 1, **item} for item in answer["items"]]
    return [*listed, {"group": None, "other": True, "new": None, "gone": None, **answer["other"]}]


def peaks(answer: Any) -> Rows:
    """List the rows of peaks."""
    return [
        {
            "group": group["group"],
            **peak,
            "highest": peak["highest"]["quantity"],
            "highest_from": peak["highest"]["from"],
            "highest_to": peak["highest"]["to"],
        }
        for group in answer["groups"]
        for peak in group["peaks"]
    ]


QUESTIONS: list[tuple[str, dict[str, Any], Callable[[Any], Rows]]] = [
    ("trends", SPAN | {"group_by": "member"}, points),
    ("compare", SPAN | {"group_by": "member"}, pairs),
    ("compare", {"months": 2, "tz": "UTC"}, months),
    ("breakdown", SPAN | {"by": "member", "top": 1, "against": "previous"}, items),
    ("peaks", SPAN | {"group_by": "member", "window": "day"}, peaks),
]


@pytest.fixture(name="key")
async def fixture_key(site: Site) -> str:
    """Answer a key of a team with two weeks of usage."""
    return (await team_of(site, fortnight()))[1]


def plainly(value: object) -> object:
    """Answer a value of any form as one that compares: numbers to twelve decimals, instants as text."""
    if isinstance(value, Decimal):
        return value.quantize(Decimal("1e-12"))
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z")
    return value


def as_told(rows: Rows, columns: list[str], numbers: set[str]) -> list[list[object]]:
    """Answer the rows of JSON in the order of the columns."""
    return [
        [plainly(Decimal(row[name])) if name in numbers and row[name] is not None else row[name] for name in columns]
        for row in rows
    ]


@pytest.mark.parametrize(("path", "asked", "rows"), QUESTIONS)
async def test_forms_say_the_same(
    site: Site, key: str, path: str, asked: dict[str, Any], rows: Callable[[Any], Rows]
) -> None:
    """Row for row and number for number."""
    asked = asked | COST
    wanted = rows(await told(site, key, path, **asked))
    assert wanted
    parquet = pl.read_parquet(io.BytesIO((await get(site, key, path, **asked, format="parquet")).content))
    numbers = {name for name, kind in parquet.schema.items() if kind.is_decimal()}
    assert numbers
    expected = as_told(wanted, parquet.columns, numbers)
    assert [list(map(plainly, row)) for row in parquet.rows()] == expected
    arrow = pl.read_ipc_stream(io.BytesIO((await get(site, key, path, **asked, format="arrow")).content))
    assert arrow.equals(parquet)
    text = (await get(site, key, path, **asked, format="csv")).content
    csv = pl.read_csv(io.BytesIO(text), infer_schema=False)
    assert csv.columns == parquet.columns
    read = [
        [plainly(Decimal(value)) if value is not None and name in numbers else value for name, value in row.items()]
        for row in csv.iter_rows(named=True)
    ]
    assert read == [[spelled(value) for value in row] for row in expected]
    lines = pl.read_ndjson(io.BytesIO((await get(site, key, path, **asked, format="ndjson")).content))
    assert lines.columns == parquet.columns
    assert lines.height == parquet.height


def spelled(value: object) -> object:
    """Answer what is no number as CSV has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


@pytest.mark.parametrize(("path", "asked", "_"), QUESTIONS)
@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
async def test_what_is_known_is_not_sent_again(
    site: Site, key: str, path: str, asked: dict[str, Any], _: Any, form: str
) -> None:
    """304 as long as nothing changed, however late it is computed; another answer once something has."""
    asked = asked | COST | {"format": form}
    first = await get(site, key, path, **asked)
    async with site.client(key, **{"If-None-Match": first.headers["etag"]}) as client:
        again = await client.get(f"/v1/analytics/{path}", params=asked)
        assert (again.status_code, again.content) == (httpx.codes.NOT_MODIFIED, b"")
        assert again.headers["etag"] == first.headers["etag"]
        site.clock.ahead = timedelta(seconds=1)
        assert (await client.get(f"/v1/analytics/{path}", params=asked)).status_code == httpx.codes.NOT_MODIFIED
        late = fortnight()[-3] | {"id": "late", "member": "ada"}
        await site.post("/v1/events", [late], key)
        changed = await client.get(f"/v1/analytics/{path}", params=asked)
    assert changed.status_code == httpx.codes.OK
    assert changed.headers["etag"] != first.headers["etag"]


async def test_small_numbers_are_written_out(site: Site) -> None:
    """No exponent, in JSON or elsewhere."""
    _, key = await team_of(site, [event(1, START, quantity="0.001"), event(2, START, quantity="1000", member="ada")])
    asked: dict[str, Any] = {"from": "2026-11-02", "to": "2026-11-03", **COST}
    answer = await told(site, key, "breakdown", **asked, by="member")
    assert [item["quantity"] for item in answer["items"]] == ["0.015", "0.000000015"]
    assert "E-" not in (await get(site, key, "breakdown", **asked, by="member", format="csv")).text

"""Pages of usage: together they are the whole, and each reads no more ranges than it shows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from meter import usage
from meter.cells import Cells
from meter.spans import Span
from tests.api.site import Site

NOVEMBER = {"from": "2026-11-01", "to": "2026-11-21", "meter": "requests"}


@pytest.fixture(name="asking")
async def fixture_asking(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of a team whose members use something on some hours of some days, and one thing every hour."""
    site.clock.ahead = datetime(2026, 11, 20, 12, tzinfo=UTC) - datetime.now(UTC)
    team = await site.make_team()
    key = await site.make_key(team, "ingest", "read")
    events = [
        {
            "id": f"{n}",
            "time": f"2026-11-{1 + n * 7 % 19:02}T{n * 5 % 24:02}:10:00Z",
            "member": None if n % 5 == 0 else f"m{n % 3}",
            "quantities": {"requests": n, "tokens.input": n * n} if n % 2 else {"requests": n},
        }
        for n in range(60)
    ]
    await site.post("/v1/events", events, key)
    async with site.client(key) as client:
        yield client


@pytest.mark.parametrize(
    "question",
    [
        {"window": "hour"},
        {"window": "hour", "tz": "Asia/Kathmandu", "group_by": "member"},
        {"window": "day", "group_by": "member", "top": 1},
        {"window": "day", "group_by": "member", "fill": "zero"},
        {"window": "day", "fill": "previous"},
        {"window": "day", "rolling": 3, "compare": "previous"},
        {"window": "hour", "meter": "requests,tokens.input", "group_by": "member"},
        {"window": "day", "aggregation": "percentile"},
        {"group_by": "member"},
    ],
)
async def test_pages_are_the_whole(asking: httpx.AsyncClient, question: dict[str, Any]) -> None:
    """Whatever the size of a page."""
    asked = NOVEMBER | question
    whole = (await asking.get("/v1/usage", params=asked | {"limit": 1000})).json()
    assert whole["next"] is None
    assert len(whole["items"]) > 2
    for limit in (1, 2, 7, len(whole["items"]) - 1, len(whole["items"])):
        shown: list[Any] = []
        cursor: str | None = None
        while cursor is not None or not shown:
            more = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = (await asking.get("/v1/usage", params=asked | more)).json()
            assert len(page["items"]) == min(limit, len(whole["items"]) - len(shown))
            shown, cursor = shown + page["items"], page["next"]
        assert shown == whole["items"]


async def test_a_page_reads_what_it_shows(asking: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty days have 480 hours: a page looks at few of them, and a later one begins where it ended."""
    looked: list[Span] = []
    read = usage._cells

    async def watched(*given: Any) -> Cells:
        ranges: Sequence[Span] = given[-1]
        looked.extend(ranges)
        return await read(*given)

    monkeypatch.setattr(usage, "_cells", watched)
    asked: dict[str, Any] = NOVEMBER | {"window": "hour", "limit": 2, "fill": "zero"}
    page = (await asking.get("/v1/usage", params=asked)).json()
    assert len(page["items"]) == 2
    assert len(looked) == 3
    looked.clear()
    page = (await asking.get("/v1/usage", params=asked | {"cursor": page["next"]})).json()
    assert [item["from"][11:13] for item in page["items"]] == ["02", "03"]
    assert looked[0].start.hour == 1
    assert len(looked) <= 3 + 12

"""A site on each engine, and teams whose usage the tests of analytics ask about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

from tests.api.site import Site

START = datetime(2026, 11, 2, tzinfo=UTC)  # a Monday
SPAN = {"from": "2026-11-09", "to": "2026-11-16", "tz": "UTC"}
DAY = timedelta(days=1)
INPUT = {"meter": "tokens.input"}
COST = {"measure": "cost"}


def event(number: int, at: datetime, **fields: object) -> dict[str, object]:
    """Answer an event of input tokens, or of what the fields say."""
    return {"id": f"e{number}", "time": at.isoformat(), "meter": "tokens.input", "quantity": 1} | fields


def fortnight() -> list[dict[str, object]]:
    """List two weeks by hours: ada and bob use tokens of two services, eve in the second week; network has no price."""
    found: list[dict[str, object]] = []
    for hour in range(24 * 14):
        at = START + timedelta(hours=hour)
        week = hour // (24 * 7)
        usual = {"service": "api" if hour % 3 else "etl"}
        found += [
            event(len(found), at, quantity=1000 + hour, member="ada", **usual),
            event(len(found) + 1, at, quantity=7 * (week + 1), member="bob", meter="tokens.output", **usual),
        ]
        if week:
            found.append(event(len(found), at, quantity=3, member="eve"))
        if not hour % 24:
            found.append(
                event(len(found), at, quantity=2, meter="network", member="bob")
            )  # which payg has no price for
    return found


async def team_of(site: Site, events: Iterable[dict[str, object]], **fields: str) -> tuple[str, str]:
    """Make a team that used that, and answer its id and a key of it."""
    named = {"name": "Acme", "owner": {"user_id": "ada", "email": "ada@example.org"}}
    usual = {"plan": "credits/payg", "timezone": "UTC"}
    team: str = (await site.post("/v1/teams", named | usual | fields))["id"]
    key = await site.make_key(team, "ingest", "read")
    listed = list(events)
    receipt = await site.post("/v1/events", listed, key)
    assert receipt["accepted"] == len(listed), receipt
    return team, key


async def get(site: Site, key: str, path: str, user: str | None = None, **asked: Any) -> httpx.Response:
    """Ask for analytics with a key, for a member."""
    headers = {} if user is None else {"X-User-ID": user}
    async with site.client(key, **headers) as client:
        return await client.get(f"/v1/analytics/{path}", params=asked)


async def told(site: Site, key: str, path: str, user: str | None = None, **asked: Any) -> Any:
    """Answer what is told."""
    answer = await get(site, key, path, user, **asked)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


def added(items: Iterable[Any], name: str) -> Decimal:
    """Add a number of items up, with what is null as nothing."""
    return sum((Decimal(item[name] or 0) for item in items), Decimal(0))

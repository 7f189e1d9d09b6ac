"""What collectors send to a served app, and what is counted of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import cramjam
import httpx

from tests.api.site import Site
from tests.api_ingest.otlp_requests import PROTOBUF, TIME, Document, attributes, document, point, total, written
from tests.api_ingest.protobuf import Value
from tests.api_ingest.remote_write_requests import RW1, request_1, request_2

NOVEMBER = {"from": "2026-11-01", "to": "2026-12-01", "tz": "UTC"}
SECOND_NS = 1_000_000_000
MAPPING = {
    "rules": [
        {"metric": "bytes*", "meter": "network", "dimensions": {"direction": "{way}"}},
        {"metric": "level", "meter": "memory.used", "dimensions": {"host": "{host}"}},
        {"metric": "left_out", "ignore": True},
    ]
}
"""`bytes*` (in GB, as they are) count to a sum, `level` (GB) to a level held over time; all else is unmapped."""

Labelled = tuple[Mapping[str, str], list[tuple[int, Value]]]


async def make_sender(site: Site, mapping: Mapping[str, object] = MAPPING, team: str | None = None) -> str:
    """Make a team with a mapping (or give it to one), and answer a key of all its scopes."""
    key = await site.make_key(team or await site.make_team(), "ingest", "read", "admin")
    async with site.client(key) as client:
        answer = await client.put("/v1/mapping", json=mapping)
    assert answer.is_success, answer.text
    return key


async def push(site: Site, key: str | None, path: str, body: bytes, media_type: str, **headers: str) -> httpx.Response:
    """Answer what a body is answered."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with site.client(key) as client:
        return await client.post(path, content=body, headers={"Content-Type": media_type, **named})


def at(seconds: float, *, since: float | None = None, **fields: object) -> Document:
    """Make a point of so many seconds after TIME, counted since others where that is said."""
    start = 0 if since is None else TIME + int(since * SECOND_NS)
    times = {"timeUnixNano": str(TIME + int(seconds * SECOND_NS)), "startTimeUnixNano": str(start)}
    return point(**(times | fields))


def counter(*points: Document, name: str = "bytes") -> Document:
    """Make a cumulative counter."""
    return {"name": name, "unit": "GB", **total(*points)}


def gauge(*points: Document, name: str = "level", **labels: str) -> Document:
    """Make a gauge; each point has the labels."""
    return {
        "name": name,
        "unit": "GB",
        "gauge": {"dataPoints": [{**p, "attributes": attributes(**labels)} for p in points]},
    }


async def push_otlp(site: Site, key: str, *metrics: Document, media_type: str = PROTOBUF) -> httpx.Response:
    """Push metrics and answer what that is answered, which is a success."""
    answer = await push(site, key, "/v1/metrics", written(document(*metrics), media_type), media_type)
    assert answer.status_code == 200, answer.text
    return answer


async def push_rw(
    site: Site, key: str, *series: Labelled, media_type: str = RW1, more: bytes = b"", **headers: str
) -> httpx.Response:
    """Push series by remote write, packed with snappy, and answer what that is answered; `more` ends the body."""
    body = (request_1 if media_type == RW1 else request_2)(*series) + more
    packed = bytes(cramjam.snappy.compress_raw(body))
    return await push(site, key, "/api/v1/write", packed, media_type, **({"Content_Encoding": "snappy"} | headers))


async def usage(site: Site, key: str, meter: str = "network", group_by: str | None = None) -> dict[str, Decimal]:
    """Answer what was used of a meter in November, by group; under "" without one, and nothing for nothing."""
    asked = {"meter": meter, **NOVEMBER, **({"group_by": group_by} if group_by else {})}
    async with site.client(key) as client:
        answer = await client.get("/v1/usage", params=asked)
    assert answer.is_success, answer.text
    return {_group(item, group_by): Decimal(item["quantity"]) for item in answer.json()["items"]}


def _group(item: dict[str, Any], group_by: str | None) -> str:
    return str(item.get(group_by)) if group_by else ""


async def unmapped(site: Site, key: str) -> dict[str, tuple[str, int]]:
    """Answer what makes no usage: reason and points by name."""
    async with site.client(key) as client:
        answer = await client.get("/v1/mapping/unmapped")
    assert answer.is_success, answer.text
    return {item["name"]: (item["reason"], item["points"]) for item in answer.json()["items"]}

"""GET /v1/series/{id}/points: what a sender said, what was made of it, and why, in words that add up to the usage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest

from meter.database import connect
from meter.points.close import close_gaps
from tests.api.collecting import MAPPING, at, counter, gauge, make_sender, push, push_otlp, push_rw, usage
from tests.api.site import Site, problem
from tests.api_ingest.otlp_requests import PROTOBUF, TIME_US, document, total, written
from tests.api_ingest.remote_write_requests import STALE, TIME_MS, sample

ZERO = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=TIME_US)
RULES = [
    *MAPPING["rules"],
    {"metric": "took", "meter": "response_time"},
    {"metric": "zeroed", "meter": "own.zero"},
    {"metric": "excluded", "meter": "own.exclude"},
    {"metric": "calls", "field": "count", "meter": "requests"},
]
ROUNDING = Decimal("1e-11")  # a quantity is shown with 12 decimals
OPEN = "it is counted once the next point comes"


@pytest.fixture(name="key")
async def fixture_key(site: Site) -> str:
    """Answer a key of a team with levels of each gap rule, and rules for them."""
    team = await site.make_team()
    admin = await site.make_key(team, "admin")
    for rule in ("zero", "exclude"):
        level = {"slug": f"own.{rule}", "unit": "job", "aggregation": "time_weighted", "per": "second"}
        await site.post("/v1/meters", level | {"gap_rule": rule, "gap_seconds": 60}, admin)
    return await make_sender(site, {"rules": RULES}, team)


def instant(seconds: float) -> str:
    """Answer so many seconds after TIME as the API writes it, to the millisecond."""
    return (ZERO + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


async def series_of(site: Site, key: str, meter: str) -> list[dict[str, Any]]:
    """Answer the series of a meter, oldest first."""
    async with site.client(key) as client:
        items = (await client.get("/v1/usage/series", params={"meter": meter})).json()["items"]
    return sorted(items, key=lambda item: item["created_at"])


async def ask(site: Site, key: str, series: object, user: str | None = None, **question: Any) -> httpx.Response:
    """Ask for the points of a series, for a member."""
    async with site.client(key, **({} if user is None else {"X-User-ID": user})) as client:
        return await client.get(f"/v1/series/{series}/points", params=question)


async def points(site: Site, key: str, meter: str = "network") -> list[dict[str, Any]]:
    """Answer the points of the only series of a meter, oldest first; what they came to adds up to its usage."""
    (series,) = await series_of(site, key, meter)
    answer = await ask(site, key, series["id"])
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"][::-1]
    counted = sum(Decimal(item["counted"]["quantity"]) for item in items if item["counted"])
    if meter != "response_time":
        used = (await usage(site, key, meter)).get("", Decimal(0))
        assert abs(used - counted) < ROUNDING
    return items


def told(items: list[dict[str, Any]]) -> list[tuple[str | None, str | None, str]]:
    """Answer value, what was counted and why, of each."""
    return [(each["value"], each["counted"] and each["counted"]["quantity"], each["why"]) for each in items]


async def test_a_counter_is_explained(site: Site, key: str) -> None:
    """From its start, by differences, anew where it fell, and its end."""
    ended = at(40, since=-10, flags=1)
    await push_otlp(site, key, counter(*(at(10 * n, since=-10, asInt=str(v)) for n, v in enumerate((5, 8, 8, 2)))))
    await push_otlp(site, key, counter(ended))
    items = await points(site, key)
    assert told(items) == [
        ("5", "5", "the first value: all that was counted since the start"),
        ("8", "3", "the difference to 5"),
        ("8", "0", "the difference to 8"),
        ("2", "2", "it fell from 8, so it counts anew from zero"),
        (None, None, "the sender says that the stream has ended"),
    ]
    assert [item["time"] for item in items] == [instant(10 * n) for n in range(5)]
    assert {item["read_as"] for item in items} == {"counter"}
    first, second = (item["counted"] for item in items[:2])
    assert first == {"quantity": "5", "unit": "GB", "from": instant(-10), "to": instant(0)}
    assert (second["from"], second["to"]) == (instant(0), instant(10))


async def test_a_stream_is_told_as_its_sender_tells_it_apart(site: Site, key: str) -> None:
    """Source, name, field, temporality, unit, start and labels; what is not said is null."""
    histogram = {"dataPoints": [at(0, since=-10, count="7", sum=1.5)], "aggregationTemporality": 1}
    await push_otlp(site, key, {"name": "calls", "unit": "s", "histogram": histogram}, counter(at(0, since=-10)))
    await push_otlp(site, key, gauge(at(0), host="h1"))
    await push_rw(site, key, ({"__name__": "bytes_total", "job": "j", "__replica__": "a"}, [sample()]))
    (call,), (level,) = await points(site, key, "requests"), await points(site, key, "memory.used")
    otlp, prometheus = [
        (await ask(site, key, each["id"])).json()["items"][0]["stream"]
        for each in await series_of(site, key, "network")
    ]
    assert call["stream"] == {
        "id": call["stream"]["id"],
        "source": "otlp",
        "name": "calls",
        "field": "count",
        "temporality": "delta",
        "unit": "s",
        "start": None,
        "labels": {},
    }
    assert (call["value"], call["read_as"], call["counted"]["quantity"]) == ("7", "delta", "7")
    assert call["why"] == "what came since the point before, as its sender says"
    assert (otlp["temporality"], otlp["start"], otlp["unit"]) == ("cumulative", instant(-10), "GB")
    assert (prometheus["source"], prometheus["temporality"], prometheus["start"]) == ("prometheus", "unknown", None)
    assert prometheus["labels"] == {"job": "j", "__replica__": "a"}
    assert (level["stream"]["temporality"], level["stream"]["labels"]) == ("gauge", {"host": "h1"})


async def test_a_counter_of_unknown_start_and_its_stale_marker(site: Site, key: str) -> None:
    """The first value counts nothing."""
    series = {"__name__": "bytes_total"}
    sent = [sample(3.5), sample(5.0, TIME_MS + 1000), sample(STALE, TIME_MS + 2000)]
    assert (await push_rw(site, key, (series, sent))).status_code == 204
    items = await points(site, key)
    assert told(items) == [
        ("3.5", None, "the first value, and nobody knows since when it was counted: it counts nothing"),
        ("5", "1.5", "the difference to 3.5"),
        (None, None, "the sender says that the stream has ended"),
    ]


async def test_measurements(site: Site, key: str) -> None:
    """Each for itself."""
    await push_otlp(site, key, gauge(at(0, asDouble=0.25), at(9, asDouble=0.75), name="took"))
    items = await points(site, key, "response_time")
    assert told(items) == [("0.25", "0.25", "a measurement at its time"), ("0.75", "0.75", "a measurement at its time")]
    assert {(item["read_as"], item["counted"]["from"], item["counted"]["to"]) for item in items} == {
        ("measure", None, None)
    }


async def test_levels(site: Site, key: str) -> None:
    """Held until the next point, or as long as its gap lets it; open until then, closed when nothing follows."""
    await push_otlp(site, key, gauge(at(0, asDouble=1.0), at(180, asDouble=2.0), at(1800, asDouble=4.0)))
    items = await points(site, key, "memory.used")
    assert told(items) == [
        ("1", "0.05", "held until the next point"),
        ("2", "0.166666666667", "held for 300 s; the rest of the gap has no data"),
        ("4", None, OPEN),
    ]
    assert [item["counted"] and (item["counted"]["from"], item["counted"]["to"]) for item in items] == [
        (instant(0), instant(180)),
        (instant(180), instant(480)),
        None,
    ]
    async with await connect(site.database, autocommit=True) as conn:
        await close_gaps(conn, site.clock())
    *_, closed = (await ask(site, key, (await series_of(site, key, "memory.used"))[0]["id"])).json()["items"][::-1]
    assert told([closed]) == [("4", "0.333333333333", "nothing followed within 300 s")]
    assert closed["counted"]["to"] == instant(2100)
    await push_otlp(site, key, gauge(at(1860, flags=1)))
    *_, cut, ended = await points(site, key, "memory.used")
    assert told([cut]) == [("4", "0.066666666667", "the stream ended then")]
    assert told([ended]) == [(None, None, "the sender says that the stream has ended")]


@pytest.mark.parametrize(
    ("name", "quantity", "why"),
    [
        ("zeroed", "120", "held for 60 s; zero for the rest of the gap"),
        ("excluded", None, "nothing is held in a gap of more than 60 s"),
    ],
)
async def test_gap_rules(site: Site, key: str, name: str, quantity: str | None, why: str) -> None:
    """What a meter says of long gaps is what is told."""
    meter = {"zeroed": "own.zero", "excluded": "own.exclude"}[name]
    await push_otlp(site, key, gauge(at(0, asDouble=2.0), at(90, asDouble=3.0), at(100, asDouble=0.0), name=name))
    items = await points(site, key, meter)
    assert told(items) == [("2", quantity, why), ("3", "30", "held until the next point"), ("0", None, OPEN)]


async def test_a_late_point_changes_what_is_told_of_its_neighbour(site: Site, key: str) -> None:
    """As it changes the usage."""
    await push_otlp(site, key, counter(at(0, asInt="1"), at(20, asInt="6")))
    assert told(await points(site, key))[-1] == ("6", "5", "the difference to 1")
    await push_otlp(site, key, counter(at(10, asInt="4")))
    assert told(await points(site, key))[1:] == [("4", "3", "the difference to 1"), ("6", "2", "the difference to 4")]


async def test_a_mapping_that_changed_in_between(site: Site, key: str) -> None:
    """Each series has the points that count to it; the counter goes on where it was."""
    labels = {"__name__": "bytes_total", "way": "in"}
    await push_rw(site, key, (labels, [sample(1.0), sample(4.0, TIME_MS + 1000)]))
    async with site.client(key) as client:
        rule = {"metric": "bytes*", "meter": "network", "multiply": "2"}
        assert (await client.put("/v1/mapping", json={"rules": [rule]})).status_code == 200
    await push_rw(site, key, (labels, [sample(9.0, TIME_MS + 2000)]))
    before, after = await series_of(site, key, "network")
    assert (before["dimensions"], after["dimensions"]) == ({"direction": "in"}, {})
    told_before = told((await ask(site, key, before["id"])).json()["items"])
    assert told_before[0] == ("4", "3", "the difference to 1")
    assert len(told_before) == 2
    assert told((await ask(site, key, after["id"])).json()["items"]) == [("9", "10", "the difference to 4")]
    assert await usage(site, key) == {"": 13}


async def test_pages(site: Site, key: str) -> None:
    """Newest first, of all streams of the series; none is left out or shown twice."""
    sent = [
        ({"__name__": "bytes_total", "cpu": str(cpu)}, [sample(5.0, TIME_MS + n) for n in range(3)]) for cpu in (0, 1)
    ]
    await push_rw(site, key, *sent)
    (series,) = await series_of(site, key, "network")
    whole = (await ask(site, key, series["id"])).json()
    assert whole["next"] is None
    assert [item["time"] for item in whole["items"]] == [instant(n / 1000) for n in (2, 2, 1, 1, 0, 0)]
    for limit in (1, 2, 4, 5):
        items: list[Any] = []
        more: dict[str, str] = {}
        while True:
            page = (await ask(site, key, series["id"], limit=limit, **more)).json()
            assert len(page["items"]) <= limit
            items += page["items"]
            if page["next"] is None:
                break
            more = {"cursor": page["next"]}
        assert items == whole["items"]
    for wrong in ({"limit": 0}, {"cursor": "%21"}, {"cursor": "WzEsMl0"}):
        assert problem(await ask(site, key, series["id"], **wrong)) == "invalid_parameter"


async def test_who_sees_it(site: Site, key: str) -> None:
    """A member own series only; another team none of them; and a series of events has no points."""
    for member in ("ann", "ben"):
        body = written(document({"name": "bytes", **total(at(0, since=-1))}), PROTOBUF)
        assert (await push(site, key, "/v1/metrics", body, PROTOBUF, X_User_ID=member)).status_code == 200
    ids = {each["member"]: each["id"] for each in await series_of(site, key, "network")}
    assert len((await ask(site, key, ids["ann"])).json()["items"]) == 1
    assert len((await ask(site, key, ids["ann"], user="ann")).json()["items"]) == 1
    assert len((await ask(site, key, ids["ann"], user="ada")).json()["items"]) == 1, "the owner sees all"
    assert problem(await ask(site, key, ids["ann"], user="ben")) == "not_found"
    other = await site.make_key(await site.make_team(), "read")
    assert problem(await ask(site, other, ids["ann"])) == "not_found"
    assert problem(await ask(site, key, uuid4())) == "not_found"
    assert problem(await ask(site, key, "nothing")) == "not_found"
    event = {"id": "1", "time": "2026-11-20T08:00:00Z", "meter": "documents", "quantity": 1}
    await site.post("/v1/events", event, key)
    (series,) = await series_of(site, key, "documents")
    assert (await ask(site, key, series["id"])).json() == {"items": [], "next": None}

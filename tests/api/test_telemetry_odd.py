"""What collectors may push that nobody expects: counted as it is meant or refused in words, and never a 500."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.ingest.otlp import JSON
from meter import happenings
from meter.replicas import MOST_REPLICAS
from tests.api.collecting import at, counter, gauge, make_sender, push, push_otlp, push_rw, unmapped, usage
from tests.api.site import Site, problem
from tests.api_ingest.otlp_requests import attributes, document
from tests.api_ingest.remote_write_requests import RW1, RW2, TIME_MS, sample

BYTES = {"__name__": "bytes_total", "job": "node"}
CLOUDEVENT, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
TOML = "application/toml"
MAPPED = "/v1/mapping"


@pytest.fixture(name="key")
async def fixture_key(site: Site) -> str:
    """Answer a key of a team whose mapping takes `bytes*` and `level`."""
    return await make_sender(site)


async def points(site: Site, key: str, meter: str = "network", **headers: str) -> list[dict[str, Any]]:
    """Answer all points of the only series of a meter that is seen under some headers."""
    async with site.client(key, **headers) as client:
        (series,) = (await client.get("/v1/usage/series", params={"meter": meter})).json()["items"]
        answer = await client.get(f"/v1/series/{series['id']}/points")
    assert answer.is_success, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


# Who sends, and who goes on where another ended.


async def test_members_with_equal_labels_are_two_streams(site: Site, key: str) -> None:
    """Each counts for itself, and sees no value of the other."""
    for number in range(4):
        for member, base, ahead in (("ann", 1000.0, 0), ("bob", 500.0, 5000)):
            point = sample(base + number, TIME_MS + number * 15_000 + ahead)
            assert (await push_rw(site, key, (BYTES, [point]), X_User_ID=member)).status_code == 204
    assert await usage(site, key, group_by="member") == {"ann": 3, "bob": 3}
    for member, base in (("ann", 1000), ("bob", 500)):
        told = await points(site, key, **{"X-User-ID": member})
        assert sorted(int(point["value"]) for point in told) == [base + number for number in range(4)]
        other = 1500 - base
        assert not any(str(other + number) in point["why"] for point in told for number in range(4))


def replicated(replica: str, value: int, seconds: int) -> dict[str, Any]:
    """Make a counter of a replica that counts since an hour."""
    point = {**at(seconds, since=-3600, asInt=str(value)), "attributes": attributes(__replica__=replica)}
    return counter(point)


async def test_a_replica_of_otlp_goes_on_where_another_ended(site: Site, key: str) -> None:
    """The same count since the same start, counted as one."""
    await push_otlp(site, key, replicated("a", 1000, 0))
    site.clock.ahead = timedelta(seconds=31)
    await push_otlp(site, key, replicated("b", 1010, 20))
    assert await usage(site, key) == {"": 1010}


async def test_replicas_in_one_body_are_never_mixed(site: Site, key: str) -> None:
    """One of them has its turn and keeps it, whichever comes first: a count that differs a little never falls."""
    for number, names in enumerate(("b", "ab", "ba")):
        site.clock.ahead = timedelta(seconds=number * 31)
        ahead = {"a": 1000, "b": 998}
        otlp = [replicated(name, ahead[name] + 10 * number, 10 * number + (name == "b")) for name in names]
        await push_otlp(site, key, *otlp)
        series = [
            (
                {**BYTES, "__replica__": name},
                [sample(ahead[name] + 10.0 * number, TIME_MS + 10_000 * number + 1000 * (name == "b"))],
            )
            for name in names
        ]
        assert (await push_rw(site, key, *series)).status_code == 204
    assert await usage(site, key) == {"": 1018 + 20}


@pytest.mark.parametrize("cluster", ["c\0", "größe " * 1_000])
async def test_odd_names_of_clusters_and_replicas(site: Site, key: str, cluster: str) -> None:
    """Are cut to what can be kept, and no count is lost for that."""
    for replica in ("a\0", "a"):
        labels = {**BYTES, "cluster": cluster, "__replica__": replica}
        plain = {**labels, "cluster": cluster.replace("\0", ""), "other": "1"}
        body = [(labels, [sample(1.0), sample(3.0, TIME_MS + 1000)]), (plain, [sample(2.0), sample(6.0, TIME_MS + 9)])]
        assert (await push_rw(site, key, *body)).status_code == 204
    assert await usage(site, key) == {"": 6}


async def test_too_many_replicas_in_one_body(site: Site, key: str) -> None:
    """As many as there may be are taken; with one more nothing is."""
    series = [({**BYTES, "cluster": str(n), "__replica__": "a"}, [sample()]) for n in range(MOST_REPLICAS + 1)]
    assert (await push_rw(site, key, *series[1:])).status_code == 204
    answer = await push_rw(site, key, *series)
    assert (answer.status_code, problem(answer)) == (413, "batch_too_large")


async def test_a_start_that_is_said_later_goes_on_and_a_new_one_counts_whole(site: Site, key: str) -> None:
    """A sender that moves from remote write 1.0 to 2.0 has not begun again; one that began after its last point has."""
    first = [sample(1e6, TIME_MS - 60_000), sample(1e6 + 10, TIME_MS - 30_000)]
    assert (await push_rw(site, key, (BYTES, first), media_type=RW1)).status_code == 204
    assert await usage(site, key) == {"": 10}
    since = TIME_MS - 10**9
    for _ in range(2):
        told = [sample(1e6 + 20, TIME_MS, since)]
        assert (await push_rw(site, key, (BYTES, told), media_type=RW2)).status_code == 204
        assert await usage(site, key) == {"": 20}
    began = [sample(7.0, TIME_MS + 20_000, TIME_MS + 10_000)]
    assert (await push_rw(site, key, (BYTES, began), media_type=RW2)).status_code == 204
    assert await usage(site, key) == {"": 27}


# Values, times and kinds.


def valued(value: str, time: object, host: str = "h") -> bytes:
    """Write a counter of collectd's as it would stand there."""
    return (
        f'[{{"values":[{value}],"dstypes":["counter"],"dsnames":["value"],"time":{time},'
        f'"host":"{host}","plugin":"bytes","type":"t"}}]'
    ).encode()


@pytest.mark.parametrize("time", [4_102_444_800, 253_402_300_799, "1e99999999999999999999"])
async def test_zeroes_of_any_length_in_the_future_are_refused_by_time(site: Site, key: str, time: object) -> None:
    """`0e30` is a zero like any other; the year is what is wrong."""
    answer = await push(site, key, "/v1/collectd", valued("0e30", time), JSON)
    assert (answer.status_code, problem(answer)) == (400, "points_refused")
    assert "time" in answer.json()["detail"]
    now = int(site.clock().timestamp())
    for number, value in enumerate(("0e30", "5")):
        answer = await push(site, key, "/v1/collectd", valued(value, now - 10 + number), JSON)
        assert answer.status_code == 204
    assert await usage(site, key) == {"": 5}


async def test_one_identity_in_several_kinds(site: Site) -> None:
    """Is stored at once, each time it comes; of different values at one instant the first stays, as everywhere."""
    key = await make_sender(site, {"rules": [{"metric": "p.*", "meter": "memory.used"}], "presets": []})
    named = {"host": "h", "plugin": "p", "type": "t", "dsnames": ["value"] * 3}
    kinds = ["gauge", "derive", "absolute"]
    now = int(site.clock().timestamp()) - 60

    async def sends(values: list[int], seconds: int) -> httpx.Response:
        turned = kinds[seconds % 3 :] + kinds[: seconds % 3]
        body = [{**named, "values": values, "dstypes": turned, "time": now + seconds}]
        return await push(site, key, "/v1/collectd", json.dumps(body).encode(), JSON)

    assert [(await sends([3, 3, 3], seconds)).status_code for seconds in (0, 1, 2, 2)] == [204] * 4
    answer = await sends([1, 2, 3], 3)
    assert (answer.status_code, problem(answer)) == (400, "points_refused")
    assert "2 of p.t: the stream has another value at that instant; the first one stays" in answer.json()["detail"]


async def test_a_start_that_no_calendar_has(site: Site, key: str) -> None:
    """Refused by its time; the others are stored."""
    good = ({**BYTES, "a": "1"}, [sample(2.0), sample(5.0, TIME_MS + 1000)])
    odd = (BYTES, [sample(5.0, TIME_MS), (6, 10**15)])
    answer = await push_rw(site, key, good, odd, media_type=RW2)
    assert (answer.status_code, problem(answer)) == (400, "points_refused")
    assert "the start timestamp must be a time" in answer.json()["detail"]
    assert await usage(site, key) == {"": 3}


async def test_descriptions_that_are_equal_once_they_are_kept(site: Site, key: str) -> None:
    """Cut, or freed of a NUL: the last one holds."""
    names = ["x" * 300 + "a", "x" * 300 + "b", "q\0", "q"]
    body = json.dumps(document(*(counter(at(0, since=-10), name=name) for name in names))).encode()
    assert (await push(site, key, "/v1/metrics", body, JSON)).status_code == 200
    assert await unmapped(site, key) == {"x" * 300: ("no_rule", 2), "q": ("no_rule", 2)}


# Things that happened.


def happened(number: str, kind: str, data: object) -> dict[str, Any]:
    """Make a CloudEvent."""
    return {"specversion": "1.0", "id": number, "source": "s", "type": kind, "data": data}


async def send(site: Site, key: str, body: object, media_type: str = CLOUDEVENT) -> httpx.Response:
    """Answer what a body of CloudEvents is answered."""
    return await push(site, key, "/api/v1/events", json.dumps(body).encode(), media_type)


async def labels(site: Site, key: str, kind: str) -> dict[str, Any]:
    """Answer the labels listed of a type that no rule takes."""
    async with site.client(key) as client:
        items = (await client.get(f"{MAPPED}/unmapped")).json()["items"]
    (found,) = [item["labels"] for item in items if item["name"] == kind]
    return dict(found)


@pytest.mark.parametrize(
    ("data", "listed"),
    [
        ({"price": 1.5, "n": 10**30, "yes": True, "no": None, "a": [1], "o": {"b": 1}, "": "x"}, None),
        ({"x": "\0y", "a\0": 1, "y": {"z": "\0", "w\0": ["\0"]}}, {"x": "y", "a": "1"}),
        ({"long": "x" * 5_000, **{f"l{n}": n for n in range(500)}}, None),
    ],
)
async def test_events_that_no_rule_takes(site: Site, key: str, data: object, listed: Mapping[str, str] | None) -> None:
    """Whatever is in them: the others of the batch are stored, and what is listed of them are flat, short texts."""
    batch = [happened("1", "network", {"value": 1}), happened("2", "unknown.type", data)]
    answer = await send(site, key, batch, BATCH)
    assert answer.status_code < 500, answer.text
    assert await usage(site, key) == {"": 1}
    found = await labels(site, key, "unknown.type")
    assert len(found) <= 128
    assert all(isinstance(text, str) and len(text) <= 1_024 for text in found.values())
    assert listed is None or found == listed
    if isinstance(data, dict) and "price" in data:
        assert found == {"price": "1.5", "n": "1" + "0" * 30, "yes": "true", "": "x"}


@pytest.mark.parametrize("depth", [100, 700, 900, 940, 960, 980, 994])
async def test_events_of_any_depth(site: Site, key: str, depth: int) -> None:
    """Are taken or refused by CloudEvents' way and Lago's; what is listed of them has no depth."""
    nest = "[" * depth + "]" * depth
    said = '{"specversion":"1.0","id":"1","source":"s","type":"nosuch","data":{"a":%s,"b":1}}'
    answer = await push(site, key, "/api/v1/events", (said % nest).encode(), CLOUDEVENT)
    assert answer.status_code < 500, answer.text
    if answer.is_success:
        assert await labels(site, key, "nosuch") == {"b": "1"}
    lago = '{"event":{"transaction_id":"t","code":"nosuch","external_subscription_id":"s","properties":{"a":%s}}}'
    assert (await push(site, key, "/api/v1/events", (lago % nest).encode(), JSON)).status_code < 500


async def test_two_rules_of_one_meter_both_count(site: Site) -> None:
    """Each once, also where both say the same; sent again they are there already, one by one."""
    paths = ["$.in", "$.out", "$.out"]
    rules = [{"type": "llm", "meter": "network", "value": path} for path in paths]
    key = await make_sender(site, {"presets": [], "events": rules})
    body = happened("1", "llm", {"in": 5, "out": 5}) | {"time": site.clock().isoformat()}
    for _ in range(2):
        answer = await send(site, key, body)
        assert answer.is_success, answer.text
        assert await usage(site, key) == {"": 15}


async def test_an_event_counts_to_the_meter_of_its_rule_as_it_is_now(site: Site) -> None:
    """Sent again after the rule was changed to another meter, it counts to that one too."""
    rule = {"type": "e", "meter": "network", "value": "$.n"}
    key = await make_sender(site, {"presets": [], "events": [rule]})
    body = happened("1", "e", {"n": 5}) | {"time": site.clock().isoformat()}
    assert (await send(site, key, body)).is_success
    async with site.client(key) as client:
        answer = await client.put(MAPPED, json={"presets": [], "events": [rule | {"meter": "requests"}]})
    assert answer.is_success, answer.text
    for _ in range(2):
        assert (await send(site, key, body)).is_success
        assert await usage(site, key) == await usage(site, key, "requests") == {"": 5}


async def test_events_that_make_too_many(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one body, by one of it or by all: nothing is stored."""
    monkeypatch.setattr(happenings, "MOST_MADE", 3)
    rules = [{"type": "e*", "meter": "requests"}, *[{"type": "e4", "meter": "requests"}] * 2]
    key = await make_sender(site, {"presets": [], "events": [*rules, {"type": "e4", "meter": "network"}]})
    one, several = happened("1", "e4", {}), [happened(str(number), "e", {}) for number in range(4)]
    for body, media_type in ((one, CLOUDEVENT), (several, BATCH)):
        answer = await send(site, key, body, media_type)
        assert (answer.status_code, problem(answer)) == (413, "batch_too_large")
    assert await usage(site, key, "requests") in ({}, {"": 0})
    assert (await send(site, key, several[1:], BATCH)).is_success
    assert await usage(site, key, "requests") == {"": 3}


# Mappings.

SNAN: dict[str, Any] = {"multiply": "sNaN", "meter": "network"}
WHERE = {f"l{number}": "a" for number in range(17)}
RULE: dict[str, Any] = {"metric": "a", "meter": "network"}


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ("x = " + "1" * 5_000, "4300 digits"),
        ("x = 1e99999999999999999999", ""),
        ('[[events]]\ntype = "a"\nmeter = "network"\nmultiply = "sNaN"', "multiply: a number"),
        (".".join("a" * 16_000) + " = 1", "500 dots in a line"),
        ("#" * 262_145, "262144 bytes"),
        ({"events": [{"type": "a", **SNAN}]}, "multiply: a number"),
        ({"rules": [{"metric": "a", **SNAN}]}, "rules[0].multiply"),
        ({"presets": ["genai", "genai"]}, "presets: 'genai'"),
        ({"presets": ["genai"] * 33}, "`$.presets`"),
        ({"rules": [RULE | {"where": WHERE}]}, "`$.rules[0].where`"),
        ({"rules": [RULE | {"where": {"a": ["b"] * 51}}]}, "`$.rules[0].where[...]`"),
        ({"events": [{"type": "a", "meter": "network", "where": WHERE}]}, "`$.events[0].where`"),
        ({"events": [{"type": "a", "meter": "network", "where": {"$.a": ["b"] * 51}}]}, "`$.events[0].where[...]`"),
    ],
)
async def test_mappings_beyond_their_bounds(site: Site, key: str, document: str | dict[str, Any], place: str) -> None:
    """Are refused with the place, before anything takes long."""
    body, media_type = (document, TOML) if isinstance(document, str) else (json.dumps(document), JSON)
    async with site.client(key) as client:
        answer = await client.put(MAPPED, content=body.encode(), headers={"Content-Type": media_type})
    body_is_wrong = media_type == JSON and "$." in answer.json()["detail"]  # for its own schema
    assert (answer.status_code, problem(answer)) == (400, "invalid_body" if body_is_wrong else "invalid_mapping")
    assert place in answer.json()["detail"]


async def test_gauges_and_counters_of_members_are_apart_too(site: Site, key: str) -> None:
    """By OTLP as well: a level of one member is not ended by another's."""
    for member, ahead in (("ann", 0), ("bob", 30)):
        body = json.dumps(document(gauge(at(ahead, asDouble=2.0), at(ahead + 180, asDouble=0.0)))).encode()
        assert (await push(site, key, "/v1/metrics", body, JSON, X_User_ID=member)).status_code == 200
    found = await usage(site, key, "memory.used", "member")
    assert {member: str(value) for member, value in found.items()} == {"ann": "0.1", "bob": "0.1"}

"""POST /v1/mapping/preview: what a recorded body would become, by the team's mapping and by one not put yet."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from typing import Any

import cramjam
import pytest
import zstandard

from api.ingest.otlp import JSON
from tests.api.collecting import at, counter, gauge, make_sender, unmapped, usage
from tests.api.site import Site, problem
from tests.api_ingest.otlp_requests import PROTOBUF, document, written
from tests.api_ingest.remote_write_requests import RW1, RW2, TIME_MS, request_1, request_2, sample

PATH = "/v1/mapping"
CLOUDEVENTS = "application/cloudevents-batch+json"
HAPPENED = {"specversion": "1.0", "id": "1", "source": "app", "type": "prompt", "subject": "ann"}


@pytest.fixture(name="key")
async def fixture_key(site: Site) -> str:
    """Answer a key of all scopes of a team that never put a mapping."""
    return await site.make_key(await site.make_team(), "ingest", "read", "admin")


async def preview(site: Site, key: str, source: str, body: bytes, **more: object) -> dict[str, Any]:
    """Answer what a body would become."""
    trial = {"source": source, "body": b64encode(body).decode(), **more}
    answer: dict[str, Any] = await site.post(f"{PATH}/preview", trial, key)
    return answer


@pytest.mark.parametrize("media_type", [PROTOBUF, JSON])
async def test_a_body_is_tried(site: Site, key: str, media_type: str) -> None:
    """By the team's mapping and by one not put yet; nothing is stored of it."""
    used = gauge(at(0), at(1), name="system.memory.usage", state="used", **{"host.name": "h1"})
    free = gauge(at(0), name="system.memory.usage", state="free")
    body = written(document(used, free, counter(at(0)), counter(at(0, timeUnixNano="0"))), media_type)
    tried = await preview(site, key, "otlp", body, content_type=media_type)
    becomes = {
        "meter": "memory.used",
        "member": None,
        "service": "h1",
        "dimensions": {"host": "h1"},
        "read_as": "level",
    }
    memory = {"name": "system.memory.usage", "field": "value"}
    assert tried["items"] == [
        memory
        | {"points": 2, "labels": {"state": "used", "host.name": "h1"}, "counts_to": [becomes]}
        | {"rule": "otel-system[2]", "why": None},
        memory
        | {"points": 1, "labels": {"state": "free"}, "counts_to": []}
        | {"rule": "otel-system[3]", "why": "left out on purpose"},
        {"name": "bytes", "field": "value", "points": 1, "labels": {}, "counts_to": []}
        | {"rule": None, "why": "no rule of the mapping fits; write one, or one that ignores it"},
    ]
    assert tried["refused"] == ["1 of bytes: timeUnixNano must be the point's time in nanoseconds since 1970"]
    draft = {"rules": [{"metric": "bytes", "meter": "network", "member": "{who|state}"}]}
    items = (await preview(site, key, "otlp", body, content_type=media_type, mapping=draft))["items"]
    assert [item["rule"] for item in items] == [None, None, "rules[0]"]
    assert [item["why"] is None for item in items] == [False, False, True]
    assert items[2]["counts_to"][0] | {"meter": "network", "read_as": "counter"} == items[2]["counts_to"][0]
    assert await usage(site, key) == {}
    assert await unmapped(site, key) == {}
    async with site.client(key) as client:
        assert (await client.get(PATH)).json()["version"] == 1


async def test_packed_bodies_are_tried(site: Site, key: str) -> None:
    """As they were sent: gzip, zstd, snappy; of Prometheus snappy goes without saying."""
    otlp = written(document(counter(at(0))), PROTOBUF)
    series = {"__name__": "node_memory_MemTotal_bytes", "job": "node"}, [sample()]
    rw1, rw2 = request_1(series), request_2(series)
    trials: list[tuple[str, bytes, str, str]] = [
        ("otlp", gzip.compress(otlp), PROTOBUF, "gzip"),
        ("otlp", zstandard.compress(otlp), PROTOBUF, "zstd"),
        ("prometheus", bytes(cramjam.snappy.compress_raw(rw1)), RW1, "snappy"),
        ("prometheus", bytes(cramjam.snappy.compress_raw(rw2)), RW2, ""),
        ("prometheus", rw1, RW1, "identity"),
    ]
    for source, body, media_type, encoding in trials:
        tried = await preview(site, key, source, body, content_type=media_type, content_encoding=encoding)
        (item,) = tried["items"]
        assert item["points"] == 1
        assert bool(item["counts_to"]) is (source == "prometheus")
    async with site.client(key, **{"X-User-ID": "ada"}) as client:
        trial = {"source": "prometheus", "body": b64encode(rw1).decode(), "content_type": RW1}
        answer = await client.post(f"{PATH}/preview", json=trial | {"content_encoding": "identity"})
        assert answer.json()["items"][0]["counts_to"][0]["member"] == "ada"
        for encoding, code in (("", "invalid_body"), ("br", "unsupported_encoding"), ("gzip", "invalid_body")):
            refused = await client.post(f"{PATH}/preview", json=trial | {"content_encoding": encoding})
            assert problem(refused) == code
        assert problem(await client.post(f"{PATH}/preview", json=trial | {"body": "a"})) == "invalid_body"
        assert problem(await client.post(f"{PATH}/preview", json=trial | {"source": "statsd"})) == "invalid_body"


async def test_values_of_collectd_are_tried(site: Site, key: str) -> None:
    """What can't be counted whatever the mapping says is told apart."""
    values = {"values": [3.5, 7], "dsnames": ["rx", "tx"], "dstypes": ["derive", "derive"], "time": TIME_MS / 1000}
    octets = values | {"host": "h1", "plugin": "interface", "plugin_instance": "eth0", "type": "if_octets"}
    tried = await preview(site, key, "collectd", json.dumps([octets]).encode())
    (item,), (refused,) = tried["items"], tried["refused"]
    assert (item["name"], item["rule"]) == ("interface.if_octets.tx", "collectd[5]")
    assert item["counts_to"][0]["read_as"] == "counter"
    assert refused == "1 of interface.if_octets.rx: a derive is a whole number; set `StoreRates false`"


async def test_events_are_tried(site: Site) -> None:
    """CloudEvents and Lago's: each meter they count to, and why not."""
    rules = [
        {"type": "prompt", "meter": "tokens.input", "value": "$.in", "dimensions": {"model": "$.model"}},
        {"type": "prompt", "meter": "tokens.output", "value": "$.out"},
        {"type": "noise", "ignore": True},
    ]
    key = await make_sender(site, {"events": rules})
    happened = [
        HAPPENED | {"data": {"in": 1, "out": 2, "model": "m"}},
        HAPPENED | {"id": "2", "data": {"in": 1, "out": "many"}},
        HAPPENED | {"id": "3", "type": "noise"},
        HAPPENED | {"id": "4", "type": "other"},
        HAPPENED | {"id": "5", "type": "requests", "data": {"quantity": 3}},
        {"type": "prompt"},
    ]
    tried = await preview(site, key, "cloudevents", json.dumps(happened).encode(), content_type=CLOUDEVENTS)
    whole, part, noise, other, usual = tried["items"]
    assert [(each["meter"], each["member"], each["dimensions"]) for each in whole["counts_to"]] == [
        ("tokens.input", "ann", {"model": "m"}),
        ("tokens.output", "ann", {}),
    ]
    assert ([each["meter"] for each in part["counts_to"]], part["why"]) == (
        ["tokens.input"],
        "what is at $.out for tokens.output is no number",
    )
    assert (noise["counts_to"], noise["why"]) == ([], "left out on purpose")
    assert (other["counts_to"], other["why"].split(";")[0]) == (
        [],
        "no rule for events fits, and no meter has the name of the type",
    )
    assert (usual["counts_to"][0]["meter"], usual["labels"]) == ("requests", {"quantity": "3"})
    assert tried["refused"] == ["event 5: `id` is missing; a CloudEvent has an id, a source and a type"]
    event: dict[str, Any] = {"transaction_id": "1", "code": "prompt", "external_customer_id": "ben"}
    event |= {"properties": {"in": "1.5", "out": 0}}
    (lago,) = (await preview(site, key, "lago", json.dumps({"event": event}).encode()))["items"]
    assert [(each["meter"], each["member"]) for each in lago["counts_to"]] == [
        ("tokens.input", "ben"),
        ("tokens.output", "ben"),
    ]
    assert await usage(site, key, "tokens.input") == {}

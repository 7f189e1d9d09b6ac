"""Where collectors push that speak a standard: each is answered as it expects, and counted once."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import cramjam
import httpx
import psycopg
import pytest
import zstandard
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from api.ingest.otlp import JSON
from meter import telemetry
from tests.api.collecting import (
    at,
    counter,
    gauge,
    make_sender,
    push,
    push_otlp,
    push_rw,
    unmapped,
    usage,
)
from tests.api.site import Site, problem, served, settings_for
from tests.api_ingest.otlp_requests import PROTOBUF, document, media_types, total, written
from tests.api_ingest.protobuf import fields, message, repeated, texts
from tests.api_ingest.remote_write_requests import (
    COUNTER,
    RW1,
    RW2,
    STALE,
    START_MS,
    TIME_MS,
    request_1,
    request_2,
    sample,
)

FIVE = written(document(counter(at(0, since=-10))), PROTOBUF)
BYTES = {"__name__": "bytes_total"}
WRITTEN = [f"x-prometheus-remote-write-{kind}-written" for kind in ("samples", "histograms", "exemplars")]
versions = pytest.mark.parametrize("media_type", [RW1, RW2])
EVENT = {"specversion": "1.0", "id": "1", "source": "s", "type": "requests", "data": {"quantity": 1}}
CLOUDEVENT = "application/cloudevents+json"


@pytest.fixture(name="key")
async def fixture_key(site: Site) -> str:
    """Answer a key of a team whose mapping takes `bytes*` and `level`."""
    return await make_sender(site)


def told(answer: httpx.Response) -> tuple[int, str]:
    """Answer how many points an OTLP answer says were refused, and why."""
    if answer.headers["content-type"].startswith(JSON):
        partial = answer.json().get("partialSuccess", {})
        return int(partial.get("rejectedDataPoints", "0")), partial.get("errorMessage", "")
    count, why = 0, ""
    for part in repeated(answer.content, 1):
        for number, value in fields(part):
            if isinstance(value, int):
                count = value
            elif number == 2:
                why = value.decode()
    return count, why


def status(answer: httpx.Response) -> str:
    """Answer what a google.rpc.Status says, or the problem document that has its `message` too."""
    if answer.headers["content-type"] != PROTOBUF:
        return f"{problem(answer)}: {answer.json()['message']}"
    assert answer.headers["content-type"] == PROTOBUF
    (text,) = texts(answer.content, 2)
    return text


@media_types
@pytest.mark.parametrize("path", ["/v1/metrics", "/otlp/v1/metrics"])
async def test_otlp_is_taken(site: Site, key: str, path: str, media_type: str) -> None:
    """In either encoding, at either address; the answer is an empty success in the same one."""
    answer = await push(site, key, path, written(document(counter(at(0, since=-10))), media_type), media_type)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert answer.content == (b"{}" if media_type == JSON else b"")
    assert await usage(site, key) == {"": 5}


@media_types
async def test_otlp_says_what_could_not_be_counted(site: Site, key: str, media_type: str) -> None:
    """How many points and why, after the others are stored; what no rule takes is named and not refused."""
    bad = counter(at(0, asDouble=-1.5), at(1, asDouble=2.0), name="bytes.bad")
    good, other = counter(at(0, since=-10)), counter(at(0), at(1), name="other")
    answer = await push_otlp(site, key, good, bad, other, counter(at(0), name="left_out"), media_type=media_type)
    count, why = told(answer)
    assert count == 1
    assert "1 of bytes.bad: the quantity must be a finite number, zero or more" in why
    assert "no rule makes usage of other; GET /v1/mapping/unmapped lists all" in why
    assert await usage(site, key) == {"": 5}
    assert await unmapped(site, key) == {"other": ("no_rule", 2)}


async def test_a_body_may_be_packed_and_come_again(site: Site, key: str) -> None:
    """Plain, gzip, deflate, zstd, and in chunks of no announced length; the same points count once."""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(FIVE), 10):
            yield FIVE[start : start + 10]

    packed = {
        "gzip": gzip.compress(FIVE),
        "deflate": zlib.compress(FIVE),
        "zstd": zstandard.compress(FIVE),
        "identity": FIVE,
    }
    for name, body in packed.items():
        answer = await push(site, key, "/v1/metrics", body, PROTOBUF, Content_Encoding=name)
        assert (answer.status_code, answer.content) == (200, b"")
        assert await usage(site, key) == {"": 5}
    async with site.client(key) as client:
        answer = await client.post("/v1/metrics", content=chunks(), headers={"Content-Type": PROTOBUF})
        assert "content-length" not in answer.request.headers
    assert (answer.status_code, answer.content) == (200, b"")
    assert await usage(site, key) == {"": 5}


@pytest.mark.parametrize(
    ("body", "media_type", "encoding", "code", "said"),
    [
        (b"\xff", PROTOBUF, "", 400, "invalid_body: "),
        (b"{", JSON, "", 400, "invalid_body: "),
        (b"\x1f\x8b", PROTOBUF, "gzip", 400, "invalid_body: the packed body ends early"),
        (FIVE, PROTOBUF, "br", 415, "unsupported_encoding: Content-Encoding 'br'"),
        (FIVE, "text/plain", "", 415, "unsupported_encoding: Content-Type 'text/plain'"),
        (b"\x0a" * 1_000_001, PROTOBUF, "", 413, "body_too_large: "),
    ],
)
async def test_otlp_refusals_are_a_status_in_the_encoding_of_the_request(
    site: Site, key: str, body: bytes, media_type: str, encoding: str, code: int, said: str
) -> None:
    """google.rpc.Status in protobuf, a problem document that is one too in JSON: the code, and what to change."""
    headers = {"Content_Encoding": encoding} if encoding else {}
    answer = await push(site, key, "/v1/metrics", body, media_type, **headers)
    assert answer.status_code == code
    assert (answer.headers["content-type"] == PROTOBUF) is (media_type == PROTOBUF)
    assert said in status(answer)


@media_types
async def test_who_may_not_push_hears_it_as_a_status(site: Site, media_type: str) -> None:
    """No key, an unknown one, and one that only reads."""
    team = await site.make_team()
    for key, code in ((None, 401), ("hm_nobody", 401), (await site.make_key(team, "read"), 403)):
        answer = await push(site, key, "/v1/metrics", b"", media_type)
        assert (answer.status_code, status(answer)[:4]) == (code, {401: "unau", 403: "forb"}[code])


@versions
async def test_remote_write_is_told_how_much_was_written(site: Site, key: str, media_type: str) -> None:
    """204 with the counts of samples, histograms and exemplars; what no rule takes is written too."""
    histogram = 4, message((1, 7), (3, 2.5), (15, TIME_MS))
    exemplars = 3 if media_type == RW1 else 4, b""
    if media_type == RW2:
        histogram = 3, histogram[1]
    series = [
        (BYTES, [sample(2.0), sample(5.0, TIME_MS + 1000)]),
        ({"__name__": "other"}, [sample(), histogram, exemplars]),
    ]
    for _ in range(2):
        answer = await push_rw(site, key, *series, media_type=media_type)
        assert (answer.status_code, answer.content) == (204, b"")
        assert [answer.headers[name] for name in WRITTEN] == ["3", "1", "1"]
    assert await usage(site, key) == {"": 3}


async def test_a_start_makes_the_first_value_count(site: Site, key: str) -> None:
    """2.0 says since when a counter counts."""
    started = sample(5.0, TIME_MS, START_MS)
    answer = await push_rw(site, key, (BYTES, [started]), media_type=RW2)
    assert answer.status_code == 204
    assert await usage(site, key) == {"": 5}


@versions
async def test_remote_write_without_an_encoding_is_snappy(site: Site, key: str, media_type: str) -> None:
    """Some senders leave it unsaid; zstd is taken where it is said, and nothing but them."""
    make = request_1 if media_type == RW1 else request_2
    body = make((BYTES, [sample(2.0), sample(5.0, TIME_MS + 1000)]))
    snappy, zstd = bytes(cramjam.snappy.compress_raw(body)), zstandard.compress(body)
    assert (await push(site, key, "/api/v1/write", snappy, media_type)).status_code == 204
    assert await usage(site, key) == {"": 3}
    assert (await push(site, key, "/api/v1/write", zstd, media_type, Content_Encoding="zstd")).status_code == 204
    assert await usage(site, key) == {"": 3}
    for corrupt, headers in ((body, {}), (snappy[:-1], {"Content_Encoding": "snappy"}), (b"", {})):
        answer = await push(site, key, "/api/v1/write", corrupt, media_type, **headers)
        assert (answer.status_code, problem(answer)) == (400, "invalid_body")


@pytest.mark.parametrize(
    ("media_type", "encoding"),
    [
        ("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy"),
        ("application/json", "snappy"),
        ("", "snappy"),
        (RW1, "br"),
        (RW2, "snappy, gzip"),
    ],
)
async def test_what_is_no_remote_write(site: Site, key: str, media_type: str, encoding: str) -> None:
    """415, after which Prometheus falls back to what we take."""
    body = bytes(cramjam.snappy.compress_raw(request_1((BYTES, [sample()]))))
    answer = await push(site, key, "/api/v1/write", body, media_type, Content_Encoding=encoding)
    assert (answer.status_code, problem(answer)) == (415, "unsupported_encoding")


@versions
async def test_samples_that_cant_be_counted_are_refused_after_the_others_are_stored(
    site: Site, key: str, media_type: str
) -> None:
    """400 names them and says how much was written; another value at the same instant is one of them."""
    good = sample(2.0), sample(5.0, TIME_MS + 1000)
    bad = ({"__name__": "bytes_bad_total"}, [sample(-1.0), sample(1.0, -1)])
    answer = await push_rw(site, key, (BYTES, [*good]), bad, media_type=media_type)
    assert (answer.status_code, problem(answer)) == (400, "points_refused")
    assert [answer.headers[name] for name in WRITTEN] == ["2", "0", "0"]
    assert "1 of bytes_bad_total: the quantity must be" in answer.json()["detail"]
    assert "1 of bytes_bad_total: the timestamp must be" in answer.json()["detail"]
    assert await usage(site, key) == {"": 3}
    conflict = await push_rw(site, key, (BYTES, [sample(6.0, TIME_MS + 1000)]), media_type=media_type)
    assert (problem(conflict), conflict.headers[WRITTEN[0]]) == ("points_refused", "0")
    assert "the first one stays" in conflict.json()["detail"]
    assert await usage(site, key) == {"": 3}


async def test_a_histogram_that_cant_be_counted_is_no_sample(site: Site, key: str) -> None:
    """Each kind is counted apart: the samples beside it are written."""
    below_zero = 4, message((1, 7), (3, -2.5), (15, TIME_MS))
    answer = await push_rw(site, key, (BYTES, [sample(2.0)]), ({**BYTES, "a": "b"}, [below_zero]))
    assert (answer.status_code, problem(answer)) == (400, "points_refused")
    assert [answer.headers[name] for name in WRITTEN] == ["1", "0", "0"]


async def test_a_stale_marker_ends_a_series(site: Site, key: str) -> None:
    """A level holds until there and no longer; a counter counts on from its last value."""
    level = {"__name__": "level"}
    ended = sample(STALE, TIME_MS + 180_000)
    for series, value, later in ((level, 10.0, 0.0), (BYTES, 2.0, 5.0)):
        assert (await push_rw(site, key, (series, [sample(value), ended]))).status_code == 204
        assert (await push_rw(site, key, (series, [sample(later, TIME_MS + 240_000)]))).status_code == 204
    assert await usage(site, key, "memory.used") == {"": Decimal("0.5")}
    assert await usage(site, key) == {"": 3}


@pytest.mark.parametrize("label", ["__replica__", "prometheus_replica"])
async def test_replicas_that_send_the_same_count_once(site: Site, key: str, label: str) -> None:
    """One is listened to; another once that has been silent for 30 seconds, and it goes on where the first ended."""

    async def sends(replica: str, seconds: int, value: float, cluster: str = "eu") -> None:
        labels = {**BYTES, "cluster": cluster, label: replica}
        answer = await push_rw(site, key, (labels, [sample(value, TIME_MS + seconds * 1000)]))
        assert (answer.status_code, answer.headers[WRITTEN[0]]) == (204, "1")

    await sends("a", 0, 10.0)
    await sends("b", 1, 4.0)
    await sends("a", 10, 15.0)
    await sends("b", 11, 20.0)
    assert await usage(site, key) == {"": 5}
    await sends("b", 11, 30.0, cluster="us")
    await sends("b", 12, 31.0, cluster="us")
    assert await usage(site, key) == {"": 6}
    site.clock.ahead = timedelta(seconds=20)
    await sends("b", 20, 21.0)
    await sends("a", 21, 22.0)
    assert await usage(site, key) == {"": 13}
    site.clock.ahead = timedelta(seconds=51)
    await sends("b", 31, 24.0)
    await sends("a", 32, 30.0)
    assert await usage(site, key) == {"": 15}


async def test_metadata_says_how_a_metric_of_an_untelling_name_is_read(site: Site, key: str) -> None:
    """A request of metadata alone; what came before stays unmapped, what comes after is counted."""
    bare = {"__name__": "bytes"}
    assert (await push_rw(site, key, (bare, [sample(2.0)]))).status_code == 204
    assert (await unmapped(site, key))["bytes"] == ("not_countable", 1)
    said = message((3, message((1, COUNTER), (2, "bytes"), (4, "how many"), (5, "GB"))))
    answer = await push_rw(site, key, more=said)
    assert (answer.status_code, answer.headers[WRITTEN[0]]) == (204, "0")
    site.clock.ahead = timedelta(seconds=61)
    for value, seconds in ((3.0, 10), (7.0, 20)):
        assert (await push_rw(site, key, (bare, [sample(value, TIME_MS + seconds * 1000)]))).status_code == 204
    assert await usage(site, key) == {"": 4}
    async with site.client(key) as client:
        (listed,) = (await client.get("/v1/mapping/unmapped")).json()["items"]
    assert (listed["kind"], listed["unit"], listed["help"], listed["points"]) == ("counter", "GB", "how many", 1)


async def test_metadata_of_a_series_says_how_it_is_read(site: Site, key: str) -> None:
    """2.0 brings it with each series, and it holds for that body already."""
    bare = {"__name__": "bytes"}
    said = 5, message((1, COUNTER))
    points = [sample(2.0), sample(7.0, TIME_MS + 1000)]
    assert (await push_rw(site, key, (bare, [*points, said]), media_type=RW2)).status_code == 204
    assert await usage(site, key) == {"": 5}


async def test_usage_is_that_of_the_member_who_sends_it(site: Site, key: str) -> None:
    """X-User-ID, where no rule says whose it is."""
    for member, since in (("ann", -1), ("ben", -2)):
        body = written(document(counter(at(0, since=since))), PROTOBUF)
        assert (await push(site, key, "/v1/metrics", body, PROTOBUF, X_User_ID=member)).status_code == 200
    assert await usage(site, key, group_by="member") == {"ann": 5, "ben": 5}


async def test_an_internal_key_is_never_billed(site: Site, key: str) -> None:
    """Its usage is counted, in a series of its own."""
    team = await site.make_team()
    await make_sender(site, team=team)
    internal = await site.make_key(team, "ingest", "read", kind="internal")
    await push_otlp(site, internal, counter(at(0, since=-10)))
    await push_otlp(site, key, counter(at(0, since=-10)))
    for reader, billable in ((internal, False), (key, True)):
        async with site.client(reader) as client:
            (series,) = (await client.get("/v1/usage/series", params={"meter": "network"})).json()["items"]
        assert series["billable"] is billable
        assert await usage(site, reader) == {"": 5}


async def test_an_up_and_down_delta_and_a_level_by_collectors_own_words(site: Site, key: str) -> None:
    """OTLP: a delta is what came; a gauge is a level, held until its next point, by what its labels say."""
    deltas = {"name": "bytes", **total(at(0, since=-10), at(10, since=0), temporality=1)}
    levels = gauge(at(0, asDouble=2.0), at(180, asDouble=0.0), host="h1")
    assert told(await push_otlp(site, key, deltas, levels)) == (0, "")
    assert await usage(site, key) == {"": 10}
    assert await usage(site, key, "memory.used", "host") == {"h1": Decimal("0.1")}


async def test_collectd_is_taken(site: Site) -> None:
    """By the preset that every team begins with; what can't be counted is refused after the others are stored."""
    lone = await site.make_key(await site.make_team(), "ingest", "read")
    octets = {"plugin": "interface", "plugin_instance": "eth0", "type": "if_octets", "host": "h1"}
    named = {"dsnames": ["rx", "tx"], "dstypes": ["derive", "derive"]}
    first, second, bad = (
        {**octets, **named, "time": TIME_MS // 1000 + n, "values": values}
        for n, values in enumerate(([2**30, 0], [2**31, 2**30], [3.5, 2**31]))
    )
    answer = await push(site, lone, "/v1/collectd", json.dumps([first, second]).encode(), JSON)
    assert answer.status_code == 204
    assert await usage(site, lone, group_by="direction") == {"receive": 1, "transmit": 1}
    refused = await push(site, lone, "/v1/collectd", json.dumps([bad]).encode(), JSON)
    assert problem(refused) == "points_refused"
    assert "StoreRates false" in refused.json()["detail"]
    assert await usage(site, lone, group_by="direction") == {"receive": 1, "transmit": 2}
    command = await push(site, lone, "/v1/collectd", b"PUTVAL h1/cpu-0/cpu-idle 1:2", "text/plain")
    assert problem(command) == "unsupported_encoding"


async def overloaded(site: Site, key: str) -> dict[str, httpx.Response]:
    """Answer what each address answers, asked at once."""
    packed = bytes(cramjam.snappy.compress_raw(request_1((BYTES, [sample()]))))
    bodies = {
        "/v1/metrics": (FIVE, PROTOBUF),
        "/otlp/v1/metrics": (written(document(counter(at(0))), JSON), JSON),
        "/api/v1/write": (packed, RW1),
        "/v1/collectd": (b"[]", JSON),
        "/api/v1/events": (json.dumps(EVENT).encode(), CLOUDEVENT),
        "/api/v1/events/batch": (b'{"events": []}', JSON),
    }
    answers = await asyncio.gather(*(push(site, key, path, *body) for path, body in bodies.items()))
    return dict(zip(bodies, answers, strict=True))


def check_overloaded(answers: dict[str, httpx.Response]) -> None:
    """503 for those who drop what a 429 answers, and 429 for those who send again after nothing else."""
    for path, answer in answers.items():
        foreign = path.startswith("/api/v1/events")
        assert answer.status_code == (429 if foreign else 503), (path, answer.text)
        assert int(answer.headers["retry-after"]) > 0
        if foreign:
            assert int(answer.headers["x-ratelimit-reset"]) > 0
        if path.endswith("/v1/metrics"):
            assert status(answer).startswith("busy: ")
        else:
            problem(answer)


@pytest.mark.slow
async def test_a_database_that_is_away(database: str, tmp_path: Path) -> None:
    """Nobody is told to drop what they sent, and once it is back the same is taken."""
    name = str(conninfo_to_dict(database)["dbname"])
    with_sessions = sql.SQL("alter database {} allow_connections {}")
    shut, opened = (with_sessions.format(sql.Identifier(name), sql.Literal(yes)) for yes in (False, True))
    async with served(settings_for(database, tmp_path)) as site:
        key = await make_sender(site)
        with psycopg.connect(database, dbname="postgres", autocommit=True) as admin:
            admin.execute(shut)
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
            try:
                check_overloaded(await overloaded(site, key))
            finally:
                admin.execute(opened)
        await push_otlp(site, key, counter(at(0, since=-10)))
        assert await usage(site, key) == {"": 5}


async def test_a_database_that_is_lost_meanwhile(site: Site, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the key was looked up: nothing of the body is stored, and it may come again."""

    async def broken(*_: object) -> object:
        raise psycopg.OperationalError("host db.internal is gone")

    with monkeypatch.context() as patch:
        patch.setattr(telemetry, "load_meters", broken)
        answers = await overloaded(site, key)
    for path in ("/v1/metrics", "/otlp/v1/metrics"):
        assert answers[path].status_code == 503
        assert "nothing of this body was stored; send it again" in status(answers[path])
        assert "internal" not in answers[path].text
    assert (answers["/api/v1/write"].status_code, problem(answers["/api/v1/write"])) == (503, "busy")
    await push_otlp(site, key, counter(at(0, since=-10)))
    assert await usage(site, key) == {"": 5}


async def test_too_many_requests(site_database: str, tmp_path: Path) -> None:
    """503 as well where a 429 would have data dropped."""
    settings = settings_for(site_database, tmp_path, key_requests_per_second=1)
    async with served(settings, ticks=lambda: 0.0) as site:
        key = "hm_nobody"
        paths = ["/v1/metrics", "/api/v1/write", "/v1/collectd", "/api/v1/events", "/v1/events"]
        async with site.client(key) as client:
            for _ in range(2):
                await client.post("/v1/events")
            answers = {path: await client.post(path, headers={"Content-Type": PROTOBUF}) for path in paths}
    assert {path: answer.status_code for path, answer in answers.items()} == {
        **dict.fromkeys(paths[:3], 503),
        **dict.fromkeys(paths[3:], 429),
    }
    assert status(answers["/v1/metrics"]).startswith("rate_limited: ")

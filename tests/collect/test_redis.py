"""A Redis stream: every entry counts once, whatever is killed or cut off; what is rejected is put aside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from redis import Redis

from tests.collect.gate import Gate, gate
from tests.collect.queues import (
    BLOCKS,
    Program,
    collecting,
    counted,
    eventually,
    needed,
    ran,
    redis_server,
    running_block,
    tally,
)
from tests.collect.service import fake_service
from tests.served import Client, make_team, serving

pytestmark = pytest.mark.slow
STREAM, GROUP = "usage", "hourmeter"
SOON = ("--claim-after", "1")


@pytest.fixture(name="url")
def fixture_url(tmp_path: Path) -> Iterator[str]:
    """Answer the URL of an empty Redis of this test alone."""
    with redis_server(tmp_path) as url:
        yield url


@pytest.fixture(name="redis")
def fixture_redis(url: str) -> Iterator[Redis]:
    """Answer a client of that Redis."""
    with Redis.from_url(url, protocol=2) as client:
        yield client


def add(redis: Redis, numbers: range) -> None:
    """Add entries, half of them as JSON; each is used as often as its number says."""
    pipeline = redis.pipeline(transaction=False)
    for number in numbers:
        if number % 2:
            pipeline.xadd(STREAM, {"event": json.dumps({"meter": "requests", "quantity": number})})
        else:
            pipeline.xadd(STREAM, {"meter": "requests", "quantity": number, "dimensions.model": "small"})
    pipeline.execute()


def add_slowly(redis: Redis, count: int) -> Thread:
    """Add entries bit by bit from another thread, which may be waited for."""

    def work() -> None:
        for at in range(0, count, 50):
            add(redis, range(at, at + 50))

    thread = Thread(target=work)
    thread.start()
    return thread


def pending(redis: Redis) -> int:
    """How many entries are read and not acknowledged."""
    groups: Any = redis.xinfo_groups(STREAM) if redis.exists(STREAM) else []
    return sum(group["pending"] for group in groups)


def unread(redis: Redis) -> int:
    """How many entries nobody has read; all, before there is a group."""
    groups: Any = redis.xinfo_groups(STREAM)
    return sum(group["lag"] for group in groups) if groups else int(redis.xlen(STREAM))


def consumers(redis: Redis) -> int:
    """How many consumers the group lists."""
    groups: Any = redis.xinfo_groups(STREAM) if redis.exists(STREAM) else []
    return sum(group["consumers"] for group in groups)


def is_done(redis: Redis) -> bool:
    """Whether every entry is acknowledged."""
    return unread(redis) == 0 and pending(redis) == 0


def cut(redis: Redis) -> None:
    """Cut every connection but our own."""
    redis.client_kill_filter(_type="normal", skipme=True)


def test_each_entry_counts_once_through_kills(database: str, url: str, redis: Redis, tmp_path: Path) -> None:
    """The collector is killed while it holds entries, counted or not; the service is killed; connections are cut."""
    with serving(database, tmp_path) as service, gate(service.url) as way:
        client = make_team(service.url)
        adding = add_slowly(redis, 5_000)
        log = tmp_path / "collect.log"
        with collecting("redis", url, Client(way.url, client.key), log, *SOON) as collector:
            eventually(lambda: counted(client)[1] > 100)
            service.kill()
            adding.join()
            eventually(lambda: pending(redis) > 0)
            collector.kill()
            assert pending(redis) > 0
            service.start()
            collector.start()
            eventually(lambda: is_done(redis))
            _kill_before_it_hears(redis, client, collector, way)
            _kill_while_it_works(redis, collector)
            eventually(lambda: is_done(redis))
            assert tally(collector).rejected == 0
        assert counted(client) == (Decimal(sum(range(12_000))), 12_000)


def _kill_before_it_hears(redis: Redis, client: Client, collector: Program, way: Gate) -> None:
    """Kill the collector when the service has counted what it sent, and it has not heard so."""
    way.is_open.clear()
    add(redis, range(5_000, 6_000))
    eventually(lambda: counted(client)[1] > 5_000)
    assert pending(redis) > 0
    collector.kill()
    way.is_open.set()
    collector.start()


def _kill_while_it_works(redis: Redis, collector: Program) -> None:
    """Add as much again in parts; of each, cut the connections and kill the collector while it holds some."""
    for start in range(6_000, 12_000, 2_000):
        add(redis, range(start, start + 2_000))
        eventually(lambda: pending(redis) > 0)
        cut(redis)
        eventually(lambda: pending(redis) > 0 or is_done(redis))
        collector.kill()
        collector.start()


def test_two_collectors_share_the_work(database: str, url: str, redis: Redis, tmp_path: Path) -> None:
    """Each takes a part, none takes what the other has, and both leave the group's list when they stop."""
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        with (
            collecting("redis", url, client, tmp_path / "one.log") as one,
            collecting("redis", url, client, tmp_path / "other.log") as other,
        ):
            eventually(lambda: consumers(redis) == 2)
            add_slowly(redis, 4_000).join()
            eventually(lambda: is_done(redis))
            tallies = (tally(one), tally(other))
        assert sum(each.accepted for each in tallies) == 4_000
        assert all(each.accepted > 0 for each in tallies)
        assert {(each.duplicates, each.rejected) for each in tallies} == {(0, 0)}
        assert counted(client) == (Decimal(sum(range(4_000))), 4_000)
        assert consumers(redis) == 0


def test_rejected_entries_go_aside(database: str, url: str, redis: Redis, tmp_path: Path) -> None:
    """With code and detail, acknowledged like the others; put back as they are, they count once the cause is gone."""
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        unknown = redis.xadd(STREAM, {"meter": "widgets", "quantity": 7})
        redis.xadd(STREAM, {"event": "no JSON"})
        redis.xadd(STREAM, {"meter": b"\xff", "quantity": 1})
        redis.xadd(STREAM, {"event": '{"meter": "requests", "quantity": -1}'})
        add(redis, range(1, 4))
        with collecting("redis", url, client, tmp_path / "collect.log", "--delete") as collector:
            eventually(lambda: is_done(redis))
            aside: Any = redis.xrange(f"{STREAM}:rejected")
            kept = [fields for _, fields in aside]
            assert sorted(fields[b"code"] for fields in kept) == [
                b"invalid_event", b"invalid_event", b"invalid_quantity", b"unknown_meter"
            ]  # fmt: skip
            assert all(fields[b"detail"] for fields in kept)
            assert redis.xlen(STREAM) == 0
            assert counted(client) == (Decimal(6), 3)
            client.post("/v1/meters", {"slug": "widgets", "title": "Widgets", "aggregation": "sum", "unit": "widget"})
            event = next(fields[b"event"] for fields in kept if fields[b"entry"] == unknown)
            redis.xadd(STREAM, {"event": event})
            redis.xadd(STREAM, {"event": event})
            eventually(lambda: counted(client, "widgets") == (Decimal(7), 1))
            eventually(lambda: is_done(redis))
            assert tally(collector) == (4, 1, 4)


def test_a_lost_answer_brings_the_same_ids(url: str, redis: Redis, tmp_path: Path) -> None:
    """Nothing is acknowledged without a receipt; what is sent again is the same, time and all."""
    with fake_service() as service:
        service.lose_answer = True
        add(redis, range(3))
        with collecting("redis", url, Client(service.url, "hm_key"), tmp_path / "collect.log"):
            eventually(lambda: redis.exists(STREAM) and consumers(redis) and is_done(redis))
        (_, first), (_, again) = service.bodies
        assert first == again
        assert len(first) == 3
        assert all(event["id"].startswith("redis:usage:") and event["time"] for event in first)


def test_the_page(database: str, url: str, tmp_path: Path) -> None:
    """What docs/queues.md shows to copy does what it says."""
    needed("redis-cli")
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        environ = {"REDIS_URL": url, "HOURMETER": service.url, "KEY": client.key}
        with running_block("redis_collect", environ, tmp_path / "collect.log") as collector:
            ran(["bash", "-euc", BLOCKS["redis_send"]], environ)
            eventually(lambda: counted(client) == (Decimal(3), 2))
            with Redis.from_url(url, protocol=2) as redis:
                eventually(lambda: redis.xlen(f"{STREAM}:rejected") == 1)
            assert tally(collector) == (2, 1, 1)


def test_no_password_is_told(url: str, redis: Redis, tmp_path: Path) -> None:
    """A wrong password is a trouble that is told, and the password is not."""
    redis.config_set("requirepass", "right")
    given = url.replace("redis://", "redis://:topsecret@")
    with collecting("redis", given, Client("http://127.0.0.1:1", "hm_key"), tmp_path / "collect.log") as collector:
        eventually(lambda: "trying again" in collector.said())
        assert tally(collector) == (0, 0, 0)
        assert "topsecret" not in collector.said()

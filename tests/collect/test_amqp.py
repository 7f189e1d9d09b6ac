"""A RabbitMQ queue: every event counts once, whatever is killed or restarted; what is rejected is put aside."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.exceptions import AMQPError

from tests.collect.gate import gate
from tests.collect.queues import (
    BLOCKS,
    Program,
    Rabbit,
    collecting,
    counted,
    eventually,
    rabbit_server,
    ran,
    running_block,
    tally,
)
from tests.collect.service import fake_service
from tests.served import Client, make_team, serving

pytestmark = pytest.mark.slow
NAMES = count(1)


@pytest.fixture(scope="module", name="rabbit")
def fixture_rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    """Answer a RabbitMQ for all tests of this file."""
    with rabbit_server(tmp_path_factory.mktemp("rabbit")) as running:
        yield running


class Queue:
    """A durable queue of one test, and what is put there and found there."""

    def __init__(self, rabbit: Rabbit, **arguments: str) -> None:
        """Makes it."""
        self.name = f"usage{next(NAMES)}"
        self._url = rabbit.url
        with self.channel() as channel:
            channel.queue_declare(self.name, durable=True, arguments=arguments)

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """A channel whose publishing is confirmed."""
        connection = pika.BlockingConnection(pika.URLParameters(self._url))
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            yield channel
        finally:
            connection.close()

    def publish(self, bodies: Sequence[object], named: str | None = None) -> None:
        """Publish messages that outlive a restart, with message ids that begin with `named`."""
        with self.channel() as channel:
            for number, body in enumerate(bodies):
                text = body if isinstance(body, bytes) else json.dumps(body).encode()
                message_id = None if named is None else f"{named}-{number}"
                properties = pika.BasicProperties(message_id=message_id, delivery_mode=2)
                channel.basic_publish("", self.name, text, properties, mandatory=True)

    def waiting(self, after: str = "") -> int:
        """How many messages are ready in this queue, or in the one whose name goes on with `after`."""
        with self.channel() as channel:
            found = channel.queue_declare(self.name + after, passive=True)
            return int(found.method.message_count)

    def consumers(self) -> int:
        """How many collectors read it; none while RabbitMQ is away."""
        try:
            with self.channel() as channel:
                return int(channel.queue_declare(self.name, passive=True).method.consumer_count)
        except AMQPError:
            return 0

    def taken(self, after: str) -> list[tuple[bytes, dict[str, Any]]]:
        """Take all messages out of the queue whose name goes on with `after`: bodies and headers."""
        found: list[tuple[bytes, dict[str, Any]]] = []
        with self.channel() as channel:
            while True:
                method, properties, body = channel.basic_get(self.name + after, auto_ack=True)
                if method is None:
                    return found
                found.append((body, properties.headers or {}))


def exists(rabbit: Rabbit, name: str) -> bool:
    """Whether there is a queue of that name."""
    connection = pika.BlockingConnection(pika.URLParameters(rabbit.url))
    try:
        connection.channel().queue_declare(name, passive=True)
    except AMQPError:
        return False
    else:
        return True
    finally:
        connection.close()


def singles(numbers: range) -> list[object]:
    """Make messages of one event, used as often as its number says."""
    return [{"meter": "requests", "quantity": number} for number in numbers]


def arrays(numbers: range) -> list[object]:
    """Make messages of ten events each."""
    events = singles(numbers)
    return [events[at : at + 10] for at in range(0, len(events), 10)]


def test_each_event_counts_once_through_kills(database: str, rabbit: Rabbit, tmp_path: Path) -> None:
    """The collector is killed while it holds messages, counted or not; service and RabbitMQ go away and return."""
    queue = Queue(rabbit)
    with serving(database, tmp_path) as service, gate(service.url) as way:
        client = make_team(service.url)
        queue.publish(singles(range(1_000)), "a")
        log, options = tmp_path / "collect.log", ("--queue", queue.name, "--prefetch", "200")
        with collecting("amqp", rabbit.url, Client(way.url, client.key), log, *options) as collector:
            eventually(lambda: counted(client)[1] > 0)
            service.kill()
            queue.publish(arrays(range(1_000, 3_000)), "b")
            eventually(lambda: "can't be reached" in collector.said())
            collector.kill()
            service.start()
            way.is_open.clear()
            before = counted(client)[1]
            collector.start()
            eventually(partial(has_more, client, before))
            collector.kill()  # before it has heard that they are counted
            way.is_open.set()
            collector.start()
            eventually(partial(has_more, client, 1_000))
            _restart(rabbit, queue)
            queue.publish(arrays(range(3_000, 6_000)), "c")
            _kill_while_it_works(client, collector, 6_000)
            eventually(lambda: queue.consumers() == 1)
            queue.publish([{"meter": "widgets"}], "last")
            eventually(partial(exists, rabbit, f"{queue.name}.rejected"))  # the last one, so the others are settled
            assert tally(collector).rejected == 1
        assert queue.waiting() == 0
        assert counted(client) == (Decimal(sum(range(6_000))), 6_000)


def _restart(rabbit: Rabbit, queue: Queue) -> None:
    """Stop RabbitMQ, start it again, and wait until the collector has come back."""
    rabbit.program.stop()
    rabbit.program.start()
    rabbit.wait()
    eventually(lambda: queue.consumers() == 1)


def _kill_while_it_works(client: Client, collector: Program, total: int) -> None:
    """Kill the collector each time it has got on a bit."""
    while (before := counted(client)[1]) < total:
        eventually(partial(has_more, client, before))
        collector.kill()
        collector.start()


def has_more(client: Client, events: int) -> bool:
    """Whether more than so many events are counted."""
    return counted(client)[1] > events


def test_two_collectors_share_the_work(database: str, rabbit: Rabbit, tmp_path: Path) -> None:
    """Each takes a part, and none takes what the other has."""
    queue = Queue(rabbit)
    options = ("--queue", queue.name, "--prefetch", "50")
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        with (
            collecting("amqp", rabbit.url, client, tmp_path / "one.log", *options) as one,
            collecting("amqp", rabbit.url, client, tmp_path / "other.log", *options) as other,
        ):
            eventually(lambda: queue.consumers() == 2)
            queue.publish(arrays(range(4_000)), "m")
            eventually(lambda: counted(client) == (Decimal(sum(range(4_000))), 4_000))
            tallies = (tally(one), tally(other))
        assert sum(each.accepted for each in tallies) == 4_000
        assert all(each.accepted > 0 for each in tallies)
        assert {(each.duplicates, each.rejected) for each in tallies} == {(0, 0)}
        assert queue.waiting() == 0


WRONG = [
    {"meter": "widgets", "quantity": 7},
    [{"meter": "requests", "quantity": -1}, {"meter": "requests", "quantity": 2}, 3],
    b"no JSON",
    [],
]


def test_rejected_events_go_aside(database: str, rabbit: Rabbit, tmp_path: Path) -> None:
    """With code and detail; put back as they are, they count once the cause is gone."""
    queue = Queue(rabbit)
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        queue.publish(WRONG, "m")
        options = ("--queue", queue.name)
        with collecting("amqp", rabbit.url, client, tmp_path / "collect.log", *options) as collector:
            eventually(lambda: counted(client) == (Decimal(2), 1))
            eventually(lambda: queue.waiting(".rejected") == 4)
            kept = queue.taken(".rejected")
            assert [headers["code"] for _, headers in kept] == [
                "unknown_meter", "invalid_quantity", "invalid_event", "invalid_event"
            ]  # fmt: skip
            assert all(headers["detail"] for _, headers in kept)
            assert kept[3][0] == b"no JSON"
            client.post("/v1/meters", {"slug": "widgets", "title": "Widgets", "aggregation": "sum", "unit": "widget"})
            queue.publish([kept[0][0], kept[0][0], WRONG[2]])
            eventually(lambda: queue.waiting(".rejected") == 1)  # the last one, so the others are settled
            assert counted(client, "widgets") == (Decimal(7), 1)
            assert tally(collector) == (2, 1, 5)
        assert queue.waiting() == 0


def test_a_dead_letter_exchange_gets_whole_messages(database: str, rabbit: Rabbit, tmp_path: Path) -> None:
    """With --nack: what is rejected as a whole, as it was; of the others only what is rejected is put aside."""
    dead = Queue(rabbit)
    queue = Queue(rabbit, **{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead.name})
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        queue.publish(WRONG, "m")
        log = tmp_path / "collect.log"
        with collecting("amqp", rabbit.url, client, log, "--queue", queue.name, "--nack") as collector:
            eventually(lambda: dead.waiting() == 2)
            eventually(lambda: queue.waiting(".rejected") == 2)
            assert tally(collector) == (1, 0, 4)
        assert [body for body, _ in dead.taken("")] == [json.dumps(WRONG[0]).encode(), WRONG[2]]
        assert queue.waiting() == 0


EQUAL = b'{"meter": "requests"}'


def test_a_message_delivered_again_brings_the_same_ids(rabbit: Rabbit, tmp_path: Path) -> None:
    """Message_id and place name an event, else body and place do; equal bodies are then one, which is told once."""
    queue = Queue(rabbit)
    with fake_service() as service:
        service.lose_answer = True
        queue.publish([[{"meter": "requests"}, {"id": "own"}]], "m")
        queue.publish([EQUAL, EQUAL])
        client = Client(service.url, "hm_key")
        with collecting("amqp", rabbit.url, client, tmp_path / "collect.log", "--queue", queue.name) as collector:
            eventually(lambda: len(service.ids) == 3 and len(service.bodies) > 1)
            assert collector.said().count("equal messages count once") == 1
            assert tally(collector).rejected == 0
        first, again = [records for _, records in service.bodies][:2]
        assert first == again
        assert service.ids[:2] == [f"amqp:{queue.name}:m-0:0", "own"]
        assert service.ids[2] == f"amqp:{queue.name}:{sha256(EQUAL).hexdigest()}:0"


def test_the_page(database: str, rabbit: Rabbit, tmp_path: Path) -> None:
    """What docs/queues.md shows to copy does what it says."""
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        environ = {"AMQP_URL": rabbit.url, "HOURMETER": service.url, "KEY": client.key}
        with running_block("amqp_collect", environ, tmp_path / "collect.log") as collector:
            ran([sys.executable, "-c", BLOCKS["amqp_send"]], environ)
            eventually(lambda: exists(rabbit, "usage.rejected"))  # the last one's, so the others are settled
            assert counted(client) == (Decimal(3), 2)
            assert tally(collector) == (2, 2, 1)


@pytest.mark.parametrize(("credentials", "told"), [("guest:topsecret", "ACCESS_REFUSED"), ("guest:guest", "NOT_FOUND")])
def test_no_password_is_told(rabbit: Rabbit, tmp_path: Path, credentials: str, told: str) -> None:
    """A wrong password and a missing queue are troubles that are told, and the password is not."""
    url, client = rabbit.url.replace("guest:guest", credentials), Client("http://127.0.0.1:1", "hm_key")
    with collecting("amqp", url, client, tmp_path / "collect.log", "--queue", "nowhere") as collector:
        eventually(lambda: told in collector.said())
        assert tally(collector) == (0, 0, 0)
        assert "topsecret" not in collector.said()

"""How is a RabbitMQ queue read so that each event counts once? Acknowledged after the receipt.

What was not acknowledged RabbitMQ delivers again when the connection ends. Sent again it brings the same ids: made from
the message's id where the events have none, else from its body.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from threading import Event
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pika
from pika.exceptions import AMQPError, UnroutableError

from meter.collect.deliver import Deliverer, Item
from meter.collect.patience import Patience, Stopped
from meter.collect.queued import events_in
from meter.collect.source import Service, SourceError
from meter.model import Rejection

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
HEARTBEAT_S = 180  # longer than a request to the service may take, during which nobody answers the broker
BLOCKED_S = 60.0

Untyped = Any  # the library has no types


class Reading(NamedTuple):
    """What is read: the queue, how many messages are held at once, and whether whole rejected ones are nacked."""

    queue: str
    prefetch: int
    nack: bool


class Message(NamedTuple):
    """A message, and its number on the channel it came by."""

    tag: int
    message_id: str | None
    body: bytes


class Collector:
    """One consumer of the queue."""

    def __init__(self, url: str, reading: Reading, service: Service, stop: Event) -> None:
        """Reads from `url`. Raises SourceError for one that can't be used."""
        logging.getLogger("pika").setLevel(logging.CRITICAL)  # what matters of its troubles is told here, once
        self._parameters = _parameters(url)
        self._reading, self._stop = reading, stop
        self._connection: Untyped = None
        self._warned = False
        self._deliverer = Deliverer(service, self._wait)
        self._patience = Patience(stop.wait)

    def run(self) -> None:
        """Reads and sends until one shall stop, over as many connections as it takes."""
        _log.info("collecting from the queue %s", self._reading.queue)
        with closing(self._deliverer), suppress(Stopped):
            while not self._stop.is_set():
                try:
                    with self._connected() as channel:
                        self._read_on(channel)
                except (AMQPError, OSError) as error:
                    self._patience.pause(f"RabbitMQ: {error!r}")

    @contextmanager
    def _connected(self) -> Iterator[Untyped]:
        """A channel on a new connection, whose publishing is confirmed. Closed, unacknowledged messages come again."""
        self._connection = pika.BlockingConnection(self._parameters)
        try:
            channel = self._connection.channel()
            channel.confirm_delivery()
            channel.basic_qos(prefetch_count=self._reading.prefetch)
            yield channel
        finally:
            with suppress(AMQPError, OSError):
                self._connection.close()

    def _read_on(self, channel: Untyped) -> None:
        """Sends what has arrived, and what arrives meanwhile after that."""
        arrived: list[Message] = []

        def take(_channel: object, method: Untyped, properties: Untyped, body: bytes) -> None:
            arrived.append(Message(method.delivery_tag, properties.message_id, body))

        channel.basic_consume(self._reading.queue, take)
        while not self._stop.is_set():
            self._connection.process_data_events(time_limit=LOOK_EVERY_S)
            if not channel.consumer_tags:
                raise AMQPError("the queue was deleted")
            messages = arrived.copy()
            arrived.clear()
            if messages:
                self._settle(channel, messages)
            self._patience.worked()

    def _wait(self, seconds: float) -> bool:
        """Waits for the service while the connection is kept alive; True as soon as one shall stop."""
        until = time.monotonic() + seconds
        while not self._stop.is_set() and (left := until - time.monotonic()) > 0:
            self._connection.process_data_events(time_limit=min(left, LOOK_EVERY_S))
            self._stop.wait(min(left, LOOK_EVERY_S) / 10)  # it returns at once as long as messages arrive
        return self._stop.is_set()

    def _settle(self, channel: Untyped, messages: Sequence[Message]) -> None:
        """Sends all events of messages, puts the rejected aside, and acknowledges the messages."""
        found = [self._events(message) for message in messages]
        rejected = self._deliverer.deliver([item for items in found for item in items])
        at, kept = 0, 0
        for message, items in zip(messages, found, strict=True):
            refused = {place: rejected[at + place] for place in range(len(items)) if at + place in rejected}
            at += len(items)
            if self._reading.nack and refused and len(refused) == len(items):
                channel.basic_nack(message.tag, requeue=False)
                continue
            for place, why in refused.items():
                self._put_aside(channel, message, items[place], why)
            kept = message.tag
        if kept:
            channel.basic_ack(kept, multiple=True)

    def _events(self, message: Message) -> list[Item]:
        """The events of a message. What names it is the same when it is delivered again: its id, else its body."""
        if message.message_id:
            return events_in(message.body, f"amqp:{self._reading.queue}:{message.message_id}")
        content = sha256(message.body).hexdigest()
        items = events_in(message.body, f"amqp:{self._reading.queue}:{content}")
        if not self._warned and any(isinstance(item, bytes) and content.encode() in item for item in items):
            self._warned = True
            _log.warning("events without an id come in messages without a message_id: equal messages count once")
        return items

    def _put_aside(self, channel: Untyped, message: Message, item: Item, why: Rejection) -> None:
        """Publishes a rejected event as it was sent, with why, so that it can be sent again; it is kept afterwards."""
        queue = f"{self._reading.queue}.rejected"
        body = item if isinstance(item, bytes) else message.body
        headers = {"code": why.code, "detail": why.detail}
        properties = pika.BasicProperties(
            "application/json", headers=headers, delivery_mode=pika.DeliveryMode.Persistent.value
        )
        try:
            channel.basic_publish("", queue, body, properties, mandatory=True)
        except UnroutableError:  # the first ever
            channel.queue_declare(queue, durable=True)
            channel.basic_publish("", queue, body, properties, mandatory=True)


def _parameters(url: str) -> Untyped:
    try:
        parameters = pika.URLParameters(url)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise SourceError("the URL of the queue can't be used") from None  # the library's words may quote it
    if "heartbeat" not in urlsplit(url).query:
        parameters.heartbeat = HEARTBEAT_S
    parameters.blocked_connection_timeout = BLOCKED_S
    return parameters

"""What queues have in common: which id an event gets, which URLs are taken, and how a batch is sent."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from meter.collect.deliver import Deliverer, Item
from meter.collect.patience import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Patience, Stopped
from meter.collect.post import Answer
from meter.collect.queued import add_url, events_in, one_event, url_of
from meter.collect.redis_stream import Entry, event_of
from meter.collect.source import Service, SourceError
from meter.model import Rejection

SERVICE = Service("http://127.0.0.1:1", "hm_key")


def read(item: object) -> dict[str, Any]:
    """Read an event that is to be sent."""
    assert isinstance(item, bytes), item
    event: dict[str, Any] = json.loads(item)
    return event


def of_entry(entry_id: bytes, **fields: str) -> dict[str, Any]:
    """Read the event of an entry; `__` stands for a dot."""
    named = {name.replace("__", ".").encode(): value.encode() for name, value in fields.items()}
    return read(event_of("usage", Entry(entry_id, named)))


def test_an_entry_names_its_event_and_says_when() -> None:
    """An event without an id gets the entry's, and without a time the entry's, to the millisecond."""
    found = of_entry(b"1764300000123-4", meter="requests", quantity="1")
    assert found["id"] == "redis:usage:1764300000123-4"
    assert found["time"] == "2025-11-28T03:20:00.123000+00:00"
    assert of_entry(b"1764300000123-4", event='{"time": "2026-01-01T00:00:00Z"}')["time"] == "2026-01-01T00:00:00Z"
    assert "time" not in of_entry(b"17-0", meter="requests")


def test_an_event_with_an_id_keeps_it_and_gets_no_time() -> None:
    """Added again by its publisher it stands in another entry, and must stay the same event."""
    assert of_entry(b"1764300000123-4", id="own", meter="requests") == {"id": "own", "meter": "requests"}
    assert of_entry(b"1764300000123-4", event='{"id": null}')["id"] == "redis:usage:1764300000123-4"


def test_fields_with_dots_are_grouped() -> None:
    """Once; a meter's own dots stay."""
    found = of_entry(b"1-1", id="a", dimensions__model="small", quantities__tokens__input="7", attributes__k="v")
    assert found["dimensions"] == {"model": "small"}
    assert found["quantities"] == {"tokens.input": "7"}
    assert found["attributes"] == {"k": "v"}


def test_numbers_stay_as_they_were_written() -> None:
    """Not a digit is lost on the way."""
    assert one_event(b'{"quantity": 0.12345678901234567890}', "a") == b'{"quantity":0.12345678901234567890,"id":"a"}'


@pytest.mark.parametrize("text", [b"", b"x", b"3", b"[]", b'"a"', b'{"a": ', b"[[]]", b"[" * 10_000, b"\xff"])
def test_what_is_no_event_is_refused_here(text: bytes) -> None:
    """As the service would, so that it goes where rejected events go."""
    assert isinstance(one_event(text, "a"), Rejection)
    assert all(isinstance(item, Rejection) for item in events_in(text, "a"))


def test_places_in_a_message() -> None:
    """Each event of an array has its own; a single one is the first."""
    assert [read(item)["id"] for item in events_in(b' [{}, {"id": "own"}, {}]', "m")] == ["m:0", "own", "m:2"]
    assert [read(item)["id"] for item in events_in(b"{}", "m")] == ["m:0"]


def given(*arguments: str) -> argparse.Namespace:
    """Read options."""
    parser = argparse.ArgumentParser()
    add_url(parser, "redis", "redis://host")
    return parser.parse_args(arguments)


def test_where_the_url_comes_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The option, else the file, else the environment, else it is asked for."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    with pytest.raises(SourceError, match="Set REDIS_URL"):
        url_of(given(), "redis", ("redis",))
    monkeypatch.setenv("REDIS_URL", "redis://:secret@environment")
    (tmp_path / "url").write_text("redis://:secret@file\n")
    file = f"--redis-url-file={tmp_path / 'url'}"
    assert url_of(given(), "redis", ("redis",)) == "redis://:secret@environment"
    assert url_of(given(file), "redis", ("redis",)) == "redis://:secret@file"
    assert url_of(given(file, "--redis-url=redis://option"), "redis", ("redis",)) == "redis://option"


@pytest.mark.parametrize(
    "url", ["redis://:topsecret@host", "redis://host?password=topsecret", "http://:topsecret@host", "redis://a:top/secret@b"]
)  # fmt: skip
def test_a_url_that_is_refused_is_not_quoted(url: str) -> None:
    """A password on the command line, and what can't be used: whoever reads the message reads no password."""
    with pytest.raises(SourceError) as caught:
        url_of(given("--redis-url", url), "redis", ("redis",))
    assert "secret" not in str(caught.value)


class Answers:
    """A connection whose answers are made up; it remembers how many events came at once."""

    def __init__(self, answer: Callable[[list[dict[str, Any]]], Answer]) -> None:
        """Answers each body with `answer`."""
        self._answer = answer
        self.sizes: list[int] = []

    def send(self, _method: str, _path: str, body: bytes, _headers: Mapping[str, str]) -> Answer:
        """The answer to a body, which is small enough to come unpacked."""
        events = json.loads(body)
        self.sizes.append(len(events))
        return self._answer(events)


def sending(answers: Answers) -> Deliverer:
    """Make a deliverer that talks to them, and would stop rather than wait."""
    stop = Event()
    stop.set()
    deliverer = Deliverer(SERVICE, stop.wait)
    deliverer._connection = answers  # type: ignore[assignment]
    return deliverer


def receipt(events: list[dict[str, Any]]) -> Answer:
    """Take everything."""
    return Answer(200, {}, json.dumps({"accepted": len(events), "duplicates": 0, "rejected": []}).encode())


def test_a_refused_body_is_halved_until_what_is_refused_stands_alone() -> None:
    """The rest goes, in order, and in larger parts again; what was refused before sending keeps its place."""

    def answer(events: list[dict[str, Any]]) -> Answer:
        if any(event["id"] == "5" for event in events):
            return Answer(413, {}, b'{"code": "body_too_large", "title": "t", "detail": "too large"}')
        return receipt(events)

    answers = Answers(answer)
    items: list[Item] = [Rejection(0, "invalid_event", "no"), *(b'{"id": "%d"}' % number for number in range(1, 17))]
    rejected = sending(answers).deliver(items)
    assert {place: why.code for place, why in rejected.items()} == {0: "invalid_event", 5: "body_too_large"}
    assert answers.sizes == [16, 8, 4, 8, 4, 2, 1, 1, 2, 4, 4]


@pytest.mark.parametrize("answer", [Answer(400, {}, b"<html>"), Answer(413, {}, b"{}"), Answer(200, {}, b"hello"),
                                    Answer(401, {}, b'{"code": "invalid_key", "title": "t"}')])  # fmt: skip
def test_what_is_no_word_of_the_service_rejects_nothing(answer: Answer) -> None:
    """A proxy's page, or a key that is unknown: waited for, however long."""
    with pytest.raises(Stopped):
        sending(Answers(lambda _: answer)).deliver([b'{"id": "1"}'])


def test_pauses_grow_until_something_works(caplog: pytest.LogCaptureFixture) -> None:
    """Twice as long each time, up to a bound; a trouble that lasts is told once."""
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return False

    patience = Patience(wait)
    for _ in range(12):
        patience.pause("away")
    assert waited[0] <= FIRST_PAUSE_SECONDS
    assert LONGEST_PAUSE_SECONDS / 2 <= waited[-1] <= LONGEST_PAUSE_SECONDS
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    patience.worked()
    patience.pause("away", at_least_s=30)
    assert waited[-1] >= 15
    assert sum(record.levelname == "WARNING" for record in caplog.records) == 2


def test_no_library_of_a_queue_is_loaded_before_its_source_runs() -> None:
    """Every command reads the list of sources; the libraries would cost each of them a fifth of a second."""
    code = "import sys, meter.collect; sys.exit(bool({'redis', 'pika'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

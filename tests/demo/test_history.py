"""The invented past: the same for whoever asks, with a rhythm that people would recognise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from statistics import mean
from zoneinfo import ZoneInfo

import msgspec
import pytest

from api.ingest import events, samples
from meter.collect.client import SAMPLES
from meter.demo.history import Stream, lines
from meter.demo.load import BATCH_LINES, batches
from meter.demo.rhythm import INCIDENT_LENGTH, LENGTH, QUARTER, Story, busy, in_gap, story
from meter.demo.world import COMPANIES, Company
from meter.model import Event

NOW = datetime(2026, 11, 20, 9, 37, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)


def told(company: Company) -> Story:
    """Answer a company's story as of NOW."""
    return story(NOW, ZoneInfo(company.timezone))


def flat(streams: Sequence[Stream], tale: Story, after: datetime, until: datetime) -> list[str]:
    """Answer all lines of a range."""
    return list(chain.from_iterable(lines(streams, tale, after, until)))


@pytest.fixture(name="tale")
def fixture_tale() -> Story:
    """Answer six weeks in Berlin up to NOW."""
    return story(NOW, BERLIN)


def test_six_weeks_up_to_now(tale: Story) -> None:
    """They begin on a quarter of an hour, and the incident is on a Wednesday afternoon inside."""
    assert NOW - tale.end < QUARTER
    assert tale.end - tale.start == LENGTH
    local = tale.incident.astimezone(BERLIN)
    assert (local.weekday(), local.hour, local.minute) == (2, 14, 0)
    assert tale.start < tale.incident < tale.end - DAY


def test_a_day_has_two_peaks_and_a_lunch(tale: Story) -> None:
    """Night, morning, lunch, afternoon: as people work."""
    monday = datetime(2026, 11, 9, tzinfo=BERLIN)
    night, morning, lunch, afternoon = (busy(tale, monday + timedelta(hours=hour)) for hour in (3, 10.75, 13, 15.25))
    assert night < lunch / 3
    assert lunch < morning * 0.8
    assert lunch < afternoon * 0.8


def test_weekends_are_quiet_and_weeks_grow(tale: Story) -> None:
    """A Sunday is less than half a Monday; the last Monday is more than the first."""

    def level(day: datetime) -> float:
        return mean(busy(tale, day + QUARTER * n) for n in range(96))

    first, last, sunday = (datetime(2026, *day, tzinfo=BERLIN) for day in ((10, 12), (11, 9), (11, 8)))
    assert level(sunday) < level(last) / 2
    assert level(first) * 1.1 < level(last)


def test_the_incident_stands_out(tale: Story) -> None:
    """More than twice as busy as a week before."""
    at = tale.incident + INCIDENT_LENGTH / 2
    assert busy(tale, at) > 2 * busy(tale, at - 7 * DAY)
    assert busy(tale, at + INCIDENT_LENGTH) < 2 * busy(tale, at + INCIDENT_LENGTH - 7 * DAY)


def test_there_are_a_few_gaps(tale: Story) -> None:
    """Some hours without anything, in no stream; between 2 and 10 of 1,008."""
    quarters = [tale.start + QUARTER * n for n in range(6 * 7 * 96)]
    gaps = [quarter for quarter in quarters if in_gap(tale, quarter)]
    assert 2 * 4 <= len(gaps) <= 10 * 4
    for company in COMPANIES:
        assert flat(company.streams, tale, gaps[0], gaps[0] + QUARTER / 2) == []


@pytest.mark.parametrize("company", COMPANIES, ids=lambda company: company.slug)
def test_the_same_for_whoever_asks(company: Company) -> None:
    """A day at once, or in uneven pieces: the same lines, none twice."""
    tale = told(company)
    start = tale.start + 30 * DAY
    cuts = [
        start,
        start + timedelta(seconds=7),
        start + timedelta(minutes=31, seconds=30),
        start + DAY / 2,
        start + DAY,
    ]
    pieces = [line for low, high in pairwise(cuts) for line in flat(company.streams, tale, low, high)]
    whole = flat(company.streams, tale, start, start + DAY)
    assert sorted(pieces) == sorted(whole)
    assert len(set(whole)) == len(whole) > 100


@pytest.mark.parametrize("company", COMPANIES, ids=lambda company: company.slug)
def test_the_service_reads_every_line(company: Company) -> None:
    """A day of each stream, by the decoders that the API has; ids are unique, times are inside."""
    tale = told(company)
    start = tale.start + 30 * DAY
    for stream in company.streams:
        decode = samples.decode if stream.path == SAMPLES else events.decode
        body = f"[{','.join(flat([stream], tale, start, start + DAY))}]".encode()
        found = decode(body, "application/json", 20_000)
        assert found
        facts = [fact for fact in found if isinstance(fact, Event)]
        assert len(facts) == len(found), found
        assert all(fact.time is not None and start < fact.time <= start + DAY for fact in facts)
        ids = [fact.id for fact in facts if fact.id is not None]
        assert len(set(ids)) == len(ids)
        assert len(ids) == (0 if stream.path == SAMPLES else len(facts))


def test_samples_come_every_30_seconds() -> None:
    """Six weeks of them for a few services, the gaps apart."""
    company = COMPANIES[0]
    tale = told(company)
    stream = company.streams[0]
    times = [
        msgspec.json.decode(line)["timestamp"] for line in flat([stream], tale, tale.start + DAY, tale.start + 2 * DAY)
    ]
    assert len(times) == 2880
    assert sorted(times) == times


def test_batches_cover_everything_once() -> None:
    """Big ones, each of one path, in order of time; their quarters add up to the range."""
    company = COMPANIES[0]
    tale = told(company)
    start, end = tale.start, tale.start + 5 * DAY
    found = list(batches(company.streams, tale, start, end))
    assert sorted(line for batch in found for line in batch.lines) == sorted(flat(company.streams, tale, start, end))
    assert sum(batch.quarters for batch in found) == 2 * (5 * 96 + 1)
    assert max(len(batch.lines) for batch in found) < BATCH_LINES + 1000

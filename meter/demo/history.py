"""What would the usage of three made-up companies look like? Lines of JSON, a quarter of an hour at a time. Pure.

The same seed, stream and quarter give the same lines, whenever asked for, so sending them again counts nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from meter.collect.client import EVENTS, SAMPLES
from meter.demo.rhythm import QUARTER, Story, busy

SEED = 1
EVERY_S = 30
QUARTER_S = 900


class Moment(NamedTuple):
    """A quarter of an hour: its start, how busy it is, and chance of its own."""

    start: datetime
    busy: float
    chance: Random

    def time(self, offset_s: float) -> str:
        """The time so many seconds (below 900) after the start, as RFC 3339 with milliseconds."""
        minute, second = divmod(offset_s, 60)
        return f"{self.start:%Y-%m-%dT%H:}{self.start.minute + int(minute):02d}:{second:06.3f}Z"


Timed = tuple[float, str]
"""Seconds after the quarter's start, and a line of JSON."""


class Stream(NamedTuple):
    """One flow of usage: a name of its own, the path it is posted to, and what a moment brings in order of time.

    It begins so long after the story does.
    """

    name: str
    path: str
    moment: Callable[[Moment], Sequence[Timed]]
    begins_after: timedelta = timedelta()


def lines(
    streams: Sequence[Stream], story: Story, after: datetime, until: datetime, seed: int = SEED
) -> Iterator[list[str]]:
    """The lines of some streams in (after, until], a list for each quarter of an hour, empty where nothing came."""
    quarter = after - (after - story.start) % QUARTER
    while quarter <= until:
        low, high = (after - quarter).total_seconds(), (until - quarter).total_seconds()
        level = busy(story, quarter)
        found: list[str] = []
        for stream in streams if level > 0 else ():
            if quarter < story.start + stream.begins_after:
                continue
            chance = Random(f"{seed}/{stream.name}/{quarter:%Y%m%d%H%M}")  # noqa: S311 - made up is the point
            found += [line for offset, line in stream.moment(Moment(quarter, level, chance)) if low < offset <= high]
        yield found
        quarter += QUARTER


def cpu(service: str, member: str, cores_at_peak: float, sizes: Sequence[int]) -> Stream:
    """CPU samples of a service that grows and shrinks among `sizes` cores as it needs them."""
    head = f'{{"user_id":"{member}","service_id":"{service}","duration_seconds":{EVERY_S},"timestamp":"'

    def moment(at: Moment) -> list[Timed]:
        wanted = cores_at_peak * at.busy
        cores = next((size for size in sizes if size >= wanted * 1.25), sizes[-1])
        middle = min(wanted / cores, 0.93) * 1000
        tail = f'","cpu_cores":{cores},"cpu_usage_percent":'
        return _every_30_s(at, head, tail, middle, 60)

    return Stream(f"{service}.cpu", SAMPLES, moment)


def memory(service: str, member: str, megabytes: int, idle: float) -> Stream:
    """Memory samples of a service of fixed size, filled to the part `idle` at rest and further when it is busy."""
    head = f'{{"user_id":"{member}","service_id":"{service}","duration_seconds":{EVERY_S},"timestamp":"'
    tail = f'","memory_mb":{megabytes},"memory_usage_percent":'

    def moment(at: Moment) -> list[Timed]:
        return _every_30_s(at, head, tail, min(idle + 0.2 * at.busy, 0.95) * 1000, 12)

    return Stream(f"{service}.memory", SAMPLES, moment)


def _every_30_s(at: Moment, head: str, tail: str, middle: float, spread: float) -> list[Timed]:
    """Thirty samples around `middle`, in tenths of a percent; formatted by hand, for there are half a million."""
    draw, low = at.chance.random, middle - spread / 2
    hour = f"{head}{at.start:%Y-%m-%dT%H:}"
    found: list[Timed] = []
    for offset in range(0, QUARTER_S, EVERY_S):
        tenths = max(int(low + spread * draw()), 1)
        minute = at.start.minute + offset // 60
        time = f"{minute:02d}:{offset % 60:02d}Z"
        found.append((offset, f"{hour}{time}{tail}{tenths // 10}.{tenths % 10}}}"))
    return found


def web(service: str, member: str, requests_at_peak: int) -> Stream:
    """What a service says of itself every 15 minutes: requests, response time, traffic, compute, its disk."""

    def moment(at: Moment) -> list[Timed]:
        return _web(at, service, member, int(requests_at_peak * at.busy * at.chance.uniform(0.9, 1.1)))

    return Stream(f"{service}.web", EVENTS, moment)


def _web(at: Moment, service: str, member: str, requests: int) -> list[Timed]:
    common = f'"time":"{at.time(0)}","member":"{member}","service":"{service}"'
    name = f"{service}/{at.start:%Y%m%d%H%M}"
    slow = 0.04 + 0.09 * at.busy**2 * at.chance.uniform(0.8, 1.2)
    facts = (
        ("network-out", f'"meter":"network","quantity":"{requests * 38e-6:.6f}","dimensions":{{"direction":"out"}}'),
        ("network-in", f'"meter":"network","quantity":"{requests * 6e-6:.6f}","dimensions":{{"direction":"in"}}'),
        ("compute", f'"meter":"compute","quantity":"{requests * slow:.3f}"'),
        ("response", f'"meter":"response_time","quantity":"{slow:.3f}"'),
        ("disk", f'"meter":"storage","quantity":"{180 + at.busy * 4:.2f}","duration_seconds":{QUARTER_S}'),
        ("requests", f'"meter":"requests","quantity":{requests}'),
    )
    return [(0, f'{{"id":"{name}/{fact}",{common},{rest}}}') for fact, rest in facts]


def chat(service: str, members: Sequence[str], calls_at_peak: int, models: Sequence[str]) -> Stream:
    """Calls of language models: fresh and cached input, output, each call one fact with all of them."""

    def one(chance: Random) -> str:
        fresh, cached = int(chance.lognormvariate(6.6, 0.8)), int(chance.lognormvariate(6.9, 1.0))
        model = models[0] if chance.random() < 0.7 else chance.choice(models)  # noqa: PLR2004 - most use the first
        kinds = f'"tokens.input":{fresh},"tokens.output":{int(chance.lognormvariate(5.4, 0.7))}'
        cache = f',"tokens.cache_read":{cached}' if chance.random() < 0.6 else ""  # noqa: PLR2004 - six calls in ten
        dimensions = f'"dimensions":{{"model":"{model}"}}'
        return f'"quantities":{{{kinds}{cache},"requests":1}},"service":"{service}",{dimensions}'

    return _calls(f"{service}.chat", members, calls_at_peak, one)


def paper(service: str, members: Sequence[str], calls_at_peak: int) -> Stream:
    """Calls of a document service: some documents each, now and then a failed call."""

    def one(chance: Random) -> str:
        endpoint = chance.choice(("convert", "convert", "merge", "sign"))
        failed = chance.random() < 0.02  # noqa: PLR2004 - two in a hundred
        dimensions = f'"dimensions":{{"endpoint":"/v1/{endpoint}","status":"{500 if failed else 200}"}}'
        documents = "" if failed else f',"documents":{1 + int(chance.expovariate(0.9))}'
        return f'"quantities":{{"requests":1{documents}}},"service":"{service}",{dimensions}'

    return _calls(f"{service}.calls", members, calls_at_peak, one)


def _calls(name: str, members: Sequence[str], calls_at_peak: int, one: Callable[[Random], str]) -> Stream:
    """Single calls at random times, the first members busier than the last."""

    def moment(at: Moment) -> list[Timed]:
        chance = at.chance
        number = int(calls_at_peak * at.busy * chance.uniform(0.7, 1.3) + chance.random())
        offsets = sorted(round(chance.uniform(0, QUARTER_S - 0.001), 3) for _ in range(number))
        found: list[Timed] = []
        for index, offset in enumerate(offsets):
            member = members[min(int(chance.expovariate(3 / len(members))), len(members) - 1)]
            head = f'{{"id":"{name}/{at.start:%Y%m%d%H%M}/{index}","time":"{at.time(offset)}","member":"{member}",'
            found.append((offset, f"{head}{one(chance)}}}"))
        return found

    return Stream(name, EVENTS, moment)

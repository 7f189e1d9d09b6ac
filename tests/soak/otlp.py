"""A client that sends OpenTelemetry metrics: counters that are restarted, gauges, points that come late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, NumberDataPoint

from tests.soak.clients import Sender, is_ahead
from tests.soak.oracle import EPOCH, microseconds

COUNTER, GAUGE = "soak.bytes", "soak.cores"
NO_VALUE = 1  # the flag of a point that says that its stream has ended
COUNTERS, GAUGES = 6, 4
HELD_BACK, RESTARTED, FELL = 0.15, 0.02, 0.02  # how often a point comes late, a counter starts anew, a value falls
MAPPING = {
    "rules": [
        {"metric": COUNTER, "meter": "network", "service": "{job}"},
        {"metric": GAUGE, "meter": "cpu.used", "service": "{job}"},
    ]
}


class Point(NamedTuple):
    """A point on its way: of which metric and job, since when it counts (a gauge: 0), the instant, the value."""

    metric: str
    job: str
    start_us: int
    at_us: int
    value: float | None


Stream = tuple[str, str, int]


class Otlp(Sender):
    """Sends a body of points until it is answered, the same bytes each time."""

    path = "/v1/metrics"
    media_type = "application/x-protobuf"

    def __init__(self, name: str, url: str, key: str, pace_s: float) -> None:
        """Has measured nothing yet."""
        super().__init__(name, url, key, pace_s)
        self._off = self.clock.off
        self._counters = {f"{name}-{number}": (self._now(), 0.0) for number in range(COUNTERS)}
        self._gauges = [f"{name}-gauge-{number}" for number in range(GAUGES)]
        self._points: dict[Stream, dict[int, Fraction]] = {}
        self._used: dict[tuple[str, str], set[int]] = {}
        self._late: list[Point] = []

    def _now(self) -> int:
        return microseconds(self.clock.now())

    def turn(self, number: int) -> None:
        """Measures each stream once; most points go at once, some with a later body, some bodies twice."""
        measured = [*self._count(), *self._look()]
        late = [point for point in measured if self.dice.random() < HELD_BACK]
        going = [point for point in measured if point not in late]
        if self.dice.random() < 0.3:
            going += self._late
            self._late = []
        self._late += late
        self._push(going, twice=number % 10 == 0)

    def _count(self) -> list[Point]:
        restarted = self._off != self.clock.off  # who sets the clock starts the program again
        self._off = self.clock.off
        found = []
        for job, (start_us, value) in self._counters.items():
            at_us = self._instant(COUNTER, job)
            if restarted or self.dice.random() < RESTARTED:
                start, grown = at_us - 1, 0.0
            else:
                start, grown = start_us, 0.0 if self.dice.random() < FELL else value
            grown += self.dice.randrange(1_000_000) / 8
            self._counters[job] = start, grown
            found.append(Point(COUNTER, job, start, at_us, grown))
        return found

    def _look(self) -> list[Point]:
        return [
            Point(GAUGE, job, 0, self._instant(GAUGE, job), self.dice.randrange(64_000) / 1000) for job in self._gauges
        ]

    def _instant(self, metric: str, job: str) -> int:
        """Now, and an instant at which this stream has no point."""
        used = self._used.setdefault((metric, job), set())
        at_us = self._now()
        while at_us in used:
            at_us += 1
        used.add(at_us)
        return at_us

    def finish(self) -> None:
        """Sends what was held back, then says that the gauges have ended, and reckons."""
        self._push(self._late, twice=False)
        ends = {job: self._instant(GAUGE, job) for job in self._gauges}
        self._push([Point(GAUGE, job, 0, at_us, None) for job, at_us in ends.items()], twice=True)
        for (metric, job, start_us), points in self._points.items():
            if metric == COUNTER:
                self.book.counter("network", job, start_us, points)
            else:
                self.book.level("cpu.used", job, points, ends[job])

    def _push(self, points: Sequence[Point], *, twice: bool) -> None:
        body = _body(points)
        ahead = {point for point in points if is_ahead(EPOCH + timedelta(microseconds=point.at_us))}
        for _ in range(1 + twice):
            said, _again = self.deliver(body)
            answer = ExportMetricsServiceResponse.FromString(said).partial_success
            assert answer.rejected_data_points == len(ahead), f"{self.name}: {answer.error_message}"
        for point in points:
            if point not in ahead and point.value is not None:
                stream = self._points.setdefault((point.metric, point.job, point.start_us), {})
                stream[point.at_us] = Fraction(repr(point.value))
        self.tally.counts["rejected"] += len(ahead)
        self.tally.counts["records"] += len(points) - len(ahead)
        self.tally.counts["duplicates"] += (len(points) - len(ahead)) * twice


def _body(points: Sequence[Point]) -> bytes:
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    counter, gauge = scope.metrics.add(name=COUNTER), scope.metrics.add(name=GAUGE)
    counter.sum.is_monotonic = True
    counter.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    for point in points:
        made = (counter.sum if point.metric == COUNTER else gauge.gauge).data_points.add()
        _write(made, point)
    return request.SerializeToString()


def _write(made: NumberDataPoint, point: Point) -> None:
    made.time_unix_nano = point.at_us * 1000
    made.start_time_unix_nano = point.start_us * 1000
    made.attributes.add(key="job").value.string_value = point.job
    if point.value is None:
        made.flags = NO_VALUE
    else:
        made.as_double = point.value

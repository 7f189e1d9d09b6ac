"""What operators watch: counters, durations and gauges of this process in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from meter.database import Pool
from meter.model import Receipt
from meter.telemetry import Outcome

CONTENT_TYPE = "text/plain; version=0.0.4"  # the framework adds the charset
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class PoolCollector(Collector):
    """The database pools, asked at each scrape."""

    def __init__(self, pools: Mapping[str, Pool], process: str) -> None:
        """Watches pools by name, of the process named so."""
        self._pools = pools
        self._process = process

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Connections by state, and requests that wait for one."""
        labels = ["pool", "process"]
        connections = GaugeMetricFamily(
            "hourmeter_pool_connections", "Database connections of this process.", labels=["state", *labels]
        )
        about = "Requests that wait for a database connection."
        waiting = GaugeMetricFamily("hourmeter_pool_waiting", about, labels=labels)
        for name, pool in self._pools.items():
            stats = pool.get_stats()
            idle, size = stats.get("pool_available", 0), stats.get("pool_size", 0)
            connections.add_metric(["idle", name, self._process], idle)
            connections.add_metric(["used", name, self._process], size - idle)
            waiting.add_metric([name, self._process], stats.get("requests_waiting", 0))
        yield connections
        yield waiting


class Metrics:
    """The metrics of one served app; every label has a closed set of values, so nobody outside can make series.

    Where several processes share a port, any of them answers a scrape with its own series, told apart by `process`.
    """

    def __init__(self, pools: Mapping[str, Pool], process: int = 0) -> None:
        """Starts all counters of a process at zero; processes that share a port are numbered from 0."""
        self._registry = registry = CollectorRegistry()
        self._process = str(process)
        ProcessCollector(registry=registry)
        registry.register(PoolCollector(pools, self._process))
        self._events = Counter(
            "hourmeter_events", "Events by what became of them.", ["outcome", "process"], registry=registry
        )
        self._points = Counter(
            "hourmeter_points",
            "Points of collectors by what became of them.",
            ["outcome", "process"],
            registry=registry,
        )
        self._requests = Histogram(
            "hourmeter_request_seconds",
            "Time from a request's head to the end of its answer.",
            ["method", "route", "status", "process"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._lag = Gauge(
            "hourmeter_bucket_lag_seconds",
            "How long the oldest touched bucket has waited to be rolled up; answers are complete all the same.",
            registry=registry,
        )
        self._checks = Gauge(
            "hourmeter_check_holds",
            "Whether what must always hold did when the worker last looked: 1, or 0. `meter doctor` tells more.",
            ["check"],
            registry=registry,
        )
        self._silent = Gauge(
            "hourmeter_silent_series",
            "Series that should report and do not, as the worker last counted them, over all teams.",
            registry=registry,
        )
        self._undecided = Gauge(
            "hourmeter_held_events",
            "Events whose id came before with another time, held out of bills until somebody decides at /v1/held.",
            registry=registry,
        )
        self._limits_lag = Gauge(
            "hourmeter_limits_lag_seconds",
            "How long usage that came without asking has not been in the counters of budgets and quotas.",
            registry=registry,
        )
        for outcome in ("accepted", "duplicate", "rejected"):
            self._events.labels(outcome, self._process)
        for outcome in ("accepted", "duplicate", "ignored", "repeated", "unmapped", "rejected"):
            self._points.labels(outcome, self._process)

    def count(self, receipt: Receipt) -> None:
        """Counts the events of a receipt; call it once per receipt, after the commit."""
        self._events.labels("accepted", self._process).inc(receipt.accepted)
        self._events.labels("duplicate", self._process).inc(receipt.duplicates)
        self._events.labels("rejected", self._process).inc(len(receipt.rejected))

    def count_points(self, outcome: Outcome) -> None:
        """Counts the points of a body; call it once per body, after the commit."""
        self._points.labels("accepted", self._process).inc(outcome.accepted)
        self._points.labels("duplicate", self._process).inc(outcome.duplicates)
        self._points.labels("ignored", self._process).inc(outcome.ignored)
        self._points.labels("repeated", self._process).inc(outcome.repeated)
        self._points.labels("unmapped", self._process).inc(sum(outcome.unmapped.values()))
        self._points.labels("rejected", self._process).inc(sum(each.points for each in outcome.refused))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request and how long it took; `route` is the template, never the path."""
        self._requests.labels(method, route, str(status), self._process).observe(seconds)

    def text(
        self, lag_seconds: float, checks: Mapping[str, bool], silent: float, undecided: float, limits_lag: float
    ) -> bytes:
        """Everything in the text exposition format, as found now: lags, checks, silent series, held events.

        What is not known is NaN, and a check without a result is left out.
        """
        self._lag.set(lag_seconds)
        self._silent.set(silent)
        self._undecided.set(undecided)
        self._limits_lag.set(limits_lag)
        self._checks.clear()  # one that is not known must not look as it did
        for name, holds in checks.items():
            self._checks.labels(name).set(holds)
        return generate_latest(self._registry)

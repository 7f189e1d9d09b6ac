"""A shop measured with OpenTelemetry; the file that it is given sets the SDK up. Works a round per line of input."""

from __future__ import annotations

import json
import runpy
import sys
from collections import Counter
from fractions import Fraction

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider

CUSTOMERS = ("ann", "bob", "zoë")
WORKERS = (2, 5, 3)


def main() -> None:
    """Counts, and says at the end what it counted."""
    runpy.run_path(sys.argv[1])
    provider = metrics.get_meter_provider()
    assert isinstance(provider, MeterProvider)
    meter = metrics.get_meter("shop", "1.0")
    orders = meter.create_counter("shop.orders", "{order}", "Orders that were placed")
    pages = meter.create_counter("shop.pages", "{page}")
    duration = meter.create_histogram("shop.render.duration", "s")
    workers = meter.create_up_down_counter("shop.workers", "{worker}")
    queue = meter.create_gauge("shop.queue", "{job}")
    counted: Counter[str] = Counter()
    by_customer: Counter[str] = Counter()
    seconds = Fraction(0)
    running = 0
    for number, _ in enumerate(sys.stdin):
        for place, customer in enumerate(CUSTOMERS):
            orders.add(number + place + 1, {"customer": customer})
            by_customer[customer] += number + place + 1
        pages.add(number + 0.25)
        counted["quarter_pages"] += 4 * number + 1
        for took in (0.5, 1.25, number / 8):
            duration.record(took, {"route": "/cart"})
            seconds += Fraction(took)
        counted["renders"] += 3
        wanted = WORKERS[number % len(WORKERS)]
        workers.add(wanted - running)
        running = wanted
        queue.set(number % 4)
        counted["longest_queue"] = max(counted["longest_queue"], number % 4)
        provider.force_flush()
        print("done", flush=True)  # noqa: T201
    provider.shutdown()
    print(json.dumps({**counted, "orders": by_customer, "seconds": str(float(seconds))}))  # noqa: T201


if __name__ == "__main__":
    main()

"""The shop that is measured with OpenTelemetry in two languages: its mapping, and whether we count what it did."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.collectors.figures import by, total
from tests.collectors.page import block, put_mapping
from tests.collectors.programs import Application
from tests.served import Client, Service

TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
GIVE_UP = "OTEL_EXPORTER_OTLP_TIMEOUT"
PATIENCE_S = 90
"""For how long an exporter tries where a service is killed: ten seconds are soon over on a busy machine."""
MORE_RULES = """
[[rules]]
metric = "shop.pages"
meter = "documents"

[[rules]]
metric = "shop.render.duration"
field = "count"
meter = "tts"

[[rules]]
metric = "shop.queue"
meter = "queue.longest"
"""


def put_shops_mapping(client: Client, directory: Path) -> None:
    """Put the mapping of the page, and some rules more, as the page says."""
    client.post("/v1/meters", {"slug": "queue.longest", "unit": "job", "aggregation": "max"})
    put_mapping(client, directory, block("mapping-toml", client) + MORE_RULES)


def check_shop(client: Client, counted: dict[str, Any]) -> None:
    """See that the service has counted what the shop has."""
    assert by(client, "requests", "member") == {name: Decimal(n) for name, n in counted["orders"].items()}
    assert total(client, "documents") * 4 == counted["quarter_pages"]
    assert total(client, "tts") == counted["renders"]
    assert by(client, "compute", "endpoint") == {"/cart": Decimal(counted["seconds"])}
    assert total(client, "queue.longest") == counted["longest_queue"]


def work_through_kills(service: Service, shop: Application) -> dict[str, Any]:
    """Let the shop work while the service is killed twice and started again; what the shop says it counted."""
    shop.work(3)
    service.kill()
    shop.begin_round()
    service.start()
    shop.end_round()
    shop.begin_round()
    service.kill()  # while it counts, sends, or waits for the answer
    service.start()
    shop.end_round()
    shop.work(2)
    counted: dict[str, Any] = shop.finish()
    return counted

"""Every recorded request of a real client: answered as that client demands, and counted once however often it comes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.collectors.captures import ABSENT, Captured, captured, names, send
from tests.collectors.figures import eventually, everything, points
from tests.served import Client, make_team, serving

pytestmark = pytest.mark.slow
DEMANDED: Mapping[str, int] = {
    "otlp-": 200,
    "rw1-": 204,
    "rw2-": 204,
    "collectd-write_http-json": 204,
    "collectd-write_http-command": 415,  # no format of ours: the answer says what to configure
    "collectd-write_http-kairosdb": 415,
    "cloudevents-": 204,
    "openmeter-js-ingest": 204,
    "openmeter-py-ingest": 204,
    "lago-": 200,
}
COLLECTD = {"/collectd": "/v1/collectd", "/collectd-command": "/v1/collectd", "/kairos": "/v1/collectd"}
RULES = [
    {"metric": "llm.tokens", "meter": "tokens.cache_read"},
    {"metric": "lat", "meter": "compute"},
    {"metric": "lat", "field": "count", "meter": "stt"},
    {"metric": "mem", "meter": "cpu"},
    {"metric": "load.load.*", "meter": "response_time"},
    {"metric": "cpython.gc.collections", "meter": "documents"},
]
EACH_EVENT = {"type": "*", "meter": "requests"}
RECORDED = {"from_": "2026-11-01", "to": "2026-12-01"}


def status_of(request: Captured) -> int:
    """Answer the status that the client of a request demands."""
    (found,) = (status for start, status in DEMANDED.items() if request.name.startswith(start))
    return found


def answers(requests: list[Captured], client: Client) -> dict[str, int]:
    """Send all requests, each to where its client is pointed, and answer their statuses by name."""
    return {each.name: send(each, client, COLLECTD.get(each.path)).status_code for each in requests}


def test_all_recordings_twice(database: str, tmp_path: Path) -> None:
    """The status that each client demands, the first time and again; the second time changes no meter's usage."""
    requests = [captured(name) for name in names(*DEMANDED)]
    if not requests:
        pytest.skip(ABSENT)
    demanded = {each.name: status_of(each) for each in requests}
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        presets = client.get("/v1/mapping")["mapping"]["presets"]
        mapping = {"presets": [*presets, "otel-process"], "rules": RULES, "events": [EACH_EVENT]}
        assert client.http.put("/v1/mapping", json=mapping).is_success
        assert answers(requests, client) == demanded
        eventually(lambda: all(point["counted"] for point in points(client, "cpu")))  # levels end some seconds later
        first = everything(client, **RECORDED)
        counted = {meter for meter, (_, events) in first.items() if events}
        assert counted >= {"requests", "cpu", "cpu.used", "memory.used", "network", "tokens.input", "tokens.output"}
        assert counted >= {"tokens.cache_read", "compute", "stt", "response_time", "documents"}
        assert answers(list(reversed(requests)), client) == demanded
        assert everything(client, **RECORDED) == first
        assert "ERROR" not in service.log()

"""The rules that come with the program: they name what there is, and real metrics become what one expects."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from meter.mapping.presets import USUAL, presets, usual
from meter.mapping.route import Ignored, Mapped, in_order, route
from meter.mapping.rules import Document, wrong
from meter.streams import Stream
from tests.meter.cast import meter, stream

DECLARED = frozenset(
    {"model", "provider", "endpoint", "method", "status", "host", "instance", "region", "environment", "direction"}
)
CATALOGUE = {
    slug: replace(made, dimensions=DECLARED)
    for slug, made in {
        "cpu.used": meter("cpu.used", "time_weighted", 1, 3600),
        "memory": meter("memory", "time_weighted", 1024, 1024 * 3600),
        "memory.used": meter("memory.used", "time_weighted", 1024, 1024 * 3600),
        "storage": meter("storage", "time_weighted", per_month=True),
        **{slug: meter(slug) for slug in ("network", "requests", "tokens.input", "tokens.output")},
    }.items()
}
GIB, HOUR = Decimal(2**30), Decimal(3600)


@pytest.mark.parametrize("name", sorted(presets()))
def test_every_preset_names_what_there_is(name: str) -> None:
    """Meters of the catalogue, with dimensions they declare, read in a way that makes usage of them."""
    document = presets()[name]
    assert document.rules
    assert document.presets == []
    assert wrong(document, CATALOGUE, presets()) is None


def test_the_usual_mapping_is_of_presets() -> None:
    """Those that don't count the same twice: otel-process is part of what otel-system counts."""
    assert usual() == Document(presets=list(USUAL))
    assert set(USUAL) == set(presets()) - {"otel-process"}
    assert wrong(usual(), CATALOGUE, presets()) is None


Expected = tuple[str, str, str | None, dict[str, str], Decimal]
IGNORED = "left out"
SDK = {"service__name": "web", "host__name": "h1"}
NODE = {"job": "node", "instance": "h1:9100"}
POD = {"container": "web", "pod": "web-1", "namespace": "shop", "name": "f00"}
COMPOSE = {"name": "shop-web-1", "container_label_com_docker_compose_service": "web"}
CHAT = {"gen_ai__request__model": "m", "gen_ai__response__model": "m-1", "gen_ai__system": "openai", "job": "chat"}
USER, IN_1 = ("cpu.used", "counter"), {"direction": "receive"}
REAL: list[tuple[Stream, Expected | str]] = [
    # OpenTelemetry: Python's SDK, JavaScript's, the collector's convention
    (stream("system.cpu.time", cpu="1", state="user", **SDK), (*USER, "web", {"host": "h1"}, HOUR)),
    (stream("system.cpu.time", cpu="1", state="idle", **SDK), IGNORED),
    (stream("system.cpu.time", system__cpu__state="system", **SDK), (*USER, "web", {"host": "h1"}, HOUR)),
    (stream("system.cpu.time", system__cpu__state="iowait"), IGNORED),
    (stream("system.cpu.time", cpu__mode="user", host__name="h1"), (*USER, "h1", {"host": "h1"}, HOUR)),
    (stream("system.cpu.time", cpu__mode="idle"), IGNORED),
    (stream("system.cpu.utilization", "gauge", state="user", **SDK), "no_rule"),
    (stream("system.memory.usage", "gauge", state="used"), ("memory.used", "level", None, {}, GIB)),
    (stream("system.memory.usage", "gauge", system__memory__state="used"), ("memory.used", "level", None, {}, GIB)),
    (stream("system.memory.usage", "gauge", system__memory__state="free"), IGNORED),
    (stream("system.memory.usage", "gauge", state="cached"), IGNORED),
    (stream("system.memory.limit", "gauge"), ("memory", "level", None, {}, GIB)),
    (stream("system.network.io", device="eth0", direction="receive"), ("network", "counter", None, IN_1, GIB)),
    (
        stream("system.network.io", system__device="eth0", network__io__direction="receive"),
        ("network", "counter", None, IN_1, GIB),
    ),
    (stream("system.network.io", device="lo", direction="transmit"), IGNORED),
    (stream("system.network.io", network__interface__name="lo"), IGNORED),
    (stream("system.filesystem.usage", "gauge", state="used"), ("storage", "level", None, {}, GIB)),
    (stream("system.filesystem.usage", "gauge", state="free"), IGNORED),
    (stream("process.cpu.time", **SDK), "no_rule"),
    # web servers
    (
        stream("http.server.request.duration", "counter", "count", http__route="/a", http__response__status_code="200"),
        ("requests", "counter", None, {"endpoint": "/a", "status": "200"}, Decimal(1)),
    ),
    (
        stream("http.server.duration", "counter", "count", http__target="/a", http__method="GET"),
        ("requests", "counter", None, {"endpoint": "/a", "method": "GET"}, Decimal(1)),
    ),
    (stream("http.server.request.duration", "counter", "sum"), IGNORED),
    # language models
    (
        stream("gen_ai.client.token.usage", "counter", "sum", gen_ai__token__type="input", **CHAT),
        ("tokens.input", "counter", "chat", {"model": "m-1", "provider": "openai"}, Decimal(1)),
    ),
    (
        stream("gen_ai.client.token.usage", "delta", "sum", gen_ai__token__type="output", gen_ai__request__model="m"),
        ("tokens.output", "delta", None, {"model": "m"}, Decimal(1)),
    ),
    (stream("gen_ai.client.token.usage", "counter", "count", gen_ai__token__type="input"), IGNORED),
    (
        stream("gen_ai.client.operation.duration", "counter", "count", gen_ai__provider__name="openai"),
        ("requests", "counter", None, {"provider": "openai"}, Decimal(1)),
    ),
    (stream("gen_ai.client.operation.duration", "counter", "sum", **CHAT), IGNORED),
    (stream("gen_ai.client.generation.choices", **CHAT), "no_rule"),
    # node_exporter
    (
        stream("node_cpu_seconds_total", "unknown", cpu="0", mode="user", **NODE),
        (*USER, "node", {"instance": "h1:9100"}, HOUR),
    ),
    (stream("node_cpu_seconds_total", "unknown", cpu="0", mode="idle", **NODE), IGNORED),
    (stream("node_memory_MemTotal_bytes", "unknown", job="node"), ("memory", "level", "node", {}, GIB)),
    (stream("node_memory_Active_bytes", "unknown", job="node"), ("memory.used", "level", "node", {}, GIB)),
    (stream("node_network_receive_bytes_total", "unknown", device="eth0"), ("network", "counter", None, IN_1, GIB)),
    (stream("node_network_transmit_bytes_total", "unknown", device="lo", **NODE), IGNORED),
    (stream("node_filesystem_size_bytes", "unknown", fstype="ext4"), ("storage", "level", None, {}, GIB)),
    (stream("node_filesystem_size_bytes", "unknown", fstype="tmpfs"), IGNORED),
    (stream("node_load1", "unknown", **NODE), "no_rule"),
    # cAdvisor, by the kubelet and alone
    (
        stream("container_cpu_usage_seconds_total", "unknown", cpu="total", **POD),
        (*USER, "web", {"instance": "web-1", "environment": "shop"}, HOUR),
    ),
    (
        stream("container_cpu_usage_seconds_total", "unknown", cpu="total", id="/docker/f00", **COMPOSE),
        (*USER, "web", {"instance": "shop-web-1"}, HOUR),
    ),
    (stream("container_cpu_usage_seconds_total", "unknown", cpu="total", id="/"), IGNORED),
    (stream("container_memory_working_set_bytes", "unknown", pod="web-1", namespace="shop"), IGNORED),
    (
        stream("container_memory_working_set_bytes", "unknown", **COMPOSE),
        ("memory.used", "level", "web", {"instance": "shop-web-1"}, GIB),
    ),
    # collectd
    (stream("cpu.cpu", host="h1", type_instance="user"), (*USER, "h1", {"host": "h1"}, Decimal(360_000))),
    (stream("cpu.cpu", host="h1", type_instance="idle"), IGNORED),
    (stream("memory.memory", "gauge", type_instance="used"), ("memory.used", "level", None, {}, GIB)),
    (stream("memory.memory", "gauge", type_instance="cached"), IGNORED),
    (stream("interface.if_octets.rx", plugin_instance="eth0"), ("network", "counter", None, IN_1, GIB)),
    (stream("interface.if_octets.tx", plugin_instance="lo"), IGNORED),
    (stream("df.df_complex", "gauge", type_instance="used"), ("storage", "level", None, {}, GIB)),
    (stream("df.df_complex", "gauge", type_instance="free"), IGNORED),
    (stream("load.load.shortterm", "gauge", host="h1"), "no_rule"),
]


@pytest.mark.parametrize(("sent", "expected"), REAL, ids=[f"{n}-{sent.name}" for n, (sent, _) in enumerate(REAL)])
def test_real_metrics_become_what_one_expects(sent: Stream, expected: Expected | str) -> None:
    """By the mapping that every team begins with; `divide` is what is sent in the unit that its meter is sent in."""
    target = route(sent, in_order(usual(), presets()), CATALOGUE, None, None)
    if isinstance(expected, str):
        found = IGNORED if isinstance(target, Ignored) else target[0]
        assert found == expected
        return
    assert isinstance(target, Mapped), target
    slug, way, service, dimensions, divide = expected
    assert target.series == (slug, None, service, tuple(sorted(dimensions.items())), False)
    assert (target.way, target.divide) == (way, divide)


def test_processes_are_counted_where_a_team_asks_for_them() -> None:
    """By the preset otel-process, each program for itself."""
    order = in_order(Document(presets=["otel-process"]), presets())
    cpu = route(stream("process.cpu.time", type="user", service__name="web"), order, CATALOGUE, None, None)
    memory = route(stream("process.memory.usage", "gauge", host__name="h1"), order, CATALOGUE, None, None)
    assert isinstance(cpu, Mapped)
    assert isinstance(memory, Mapped)
    assert (cpu.series[:3], cpu.way) == (("cpu.used", None, "web"), "counter")
    assert (memory.series.dimensions, memory.way) == ((("host", "h1"),), "level")

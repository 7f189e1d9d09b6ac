"""Debian's Prometheus and node_exporter, as they are, by remote write: our totals are of Prometheus' own samples."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.collectors.captures import captured, recordings, send
from tests.collectors.figures import by, eventually, everything, is_near, points, total
from tests.collectors.page import block, shell
from tests.collectors.programs import end, program, running
from tests.served import Client, free_port, make_team, serving

pytestmark = pytest.mark.slow
CPU, RECEIVED, SENT = "node_cpu_seconds_total", "node_network_receive_bytes_total", "node_network_transmit_bytes_total"
MEMORY, ACTIVE = "node_memory_MemTotal_bytes", "node_memory_Active_bytes"
COUNTED = {"cpu.used": (CPU,), "network": (RECEIVED, SENT), "memory": (MEMORY,), "memory.used": (ACTIVE,)}
SCRAPE = """
scrape_configs:
  - job_name: node
    scrape_interval: 1s
    scrape_timeout: 900ms
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""
Series = frozenset[tuple[str, str]]
Samples = dict[Series, dict[int, str]]
"""The values of series, as they are written, by milliseconds since 1970."""


class Prometheus(NamedTuple):
    """A running one, what it can be asked, and how it is killed."""

    url: str
    kill: Callable[[], None]

    def samples(self, metric: str) -> Samples:
        """Answer the raw samples of a metric."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": f"{metric}[1h]"}, timeout=30).json()
        return {
            frozenset(series["metric"].items()): {round(at * 1000): value for at, value in series["values"]}
            for series in answer["data"]["result"]
        }

    def scrapes(self) -> int:
        """Answer how many times it has seen the target."""
        return max((len(samples) for samples in self.samples("up").values()), default=0)


@contextmanager
def node_exporter(directory: Path, port: int) -> Iterator[Callable[[], None]]:
    """Run node_exporter, and answer how it is stopped before the end."""
    with running(
        [program("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{port}"], directory / "node.log"
    ) as process:
        yield lambda: end(process)


@contextmanager
def prometheus(directory: Path, client: Client, target: int, name: str = "") -> Iterator[Prometheus]:
    """Run Prometheus with what the page says, as a replica of that name if there is one."""
    replica = block("prometheus-replicas", client).replace("prometheus-1", name) if name else ""
    with started(directory, replica + block("prometheus", client) + SCRAPE.format(port=target)) as prometheus:
        yield prometheus


@contextmanager
def started(directory: Path, config: str, *options: str) -> Iterator[Prometheus]:
    """Run Prometheus with a configuration."""
    directory.mkdir()
    file = directory / "prometheus.yml"
    file.write_text(config, "utf-8")
    port = free_port()
    command = [
        program("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        *options,
    ]
    with running(command, directory / "prometheus.log") as process:
        yield Prometheus(f"http://127.0.0.1:{port}", process.kill)


def ours(client: Client, meter: str) -> tuple[Samples, dict[Series, int]]:
    """Answer the samples that count to a meter, as `Samples`, and when series ended."""
    found: Samples = defaultdict(dict)
    ended: dict[Series, int] = {}
    for point in points(client, meter):
        stream = point["stream"]
        series = frozenset({"__name__": stream["name"], **without_replica(stream["labels"])}.items())
        at = round(datetime.fromisoformat(point["time"]).timestamp() * 1000)
        if point["value"] is None:
            ended[series] = at
        else:
            found[series][at] = point["value"]
    return found, ended


def without_replica(labels: dict[str, str]) -> dict[str, str]:
    """Leave out what tells replicas apart, and what Prometheus does not show of itself."""
    return {name: value for name, value in labels.items() if name not in {"__replica__", "cluster"}}


def are_there(client: Client, prometheus: Prometheus) -> bool:
    """Whether we have as many samples as Prometheus has, from our first one on.

    A sender keeps what it could not send and tries it again after a while of its own, behind what is newer.
    """
    for meter, metrics in COUNTED.items():
        theirs = {series: values for metric in metrics for series, values in prometheus.samples(metric).items()}
        for series, values in ours(client, meter)[0].items():
            if len(values) < sum(at >= min(values) for at in theirs[series]):
                return False
    return True


def check_samples(client: Client, prometheus: Prometheus) -> None:
    """See that we have each sample that Prometheus has, from our first one on, and count what they come to."""
    eventually(lambda: are_there(client, prometheus), within_s=120)
    for meter, metrics in COUNTED.items():
        mine, ended = ours(client, meter)
        theirs = {series: values for metric in metrics for series, values in prometheus.samples(metric).items()}
        assert mine
        assert set(mine) <= set(theirs)
        grown = area = Fraction(0)
        for series, values in mine.items():
            first = min(values)
            wanted = {at: Fraction(value) for at, value in theirs[series].items() if at >= first}
            assert {at: Fraction(value) for at, value in values.items()} == wanted, (meter, sorted(series))
            grown += wanted[max(wanted)] - wanted[first]
            times = [*sorted(wanted), ended[series]] if series in ended else sorted(wanted)
            area += sum((wanted[a] * (b - a) for a, b in itertools.pairwise(times)), Fraction(0))
        divisor = {"cpu.used": 3600, "network": 2**30}.get(meter)
        expected = grown / divisor if divisor else area / 1000 / 3600 / 2**30
        assert is_near(total(client, meter), expected), meter


def count_of(client: Client, meter: str) -> int:
    """Answer how many points the series of a meter with the most of them has."""
    return max((len(values) for values in ours(client, meter)[0].values()), default=0)


def all_ended(client: Client) -> bool:
    """Whether every series that counts has been told to have ended."""
    return all(set(mine) == set(ended) for mine, ended in (ours(client, meter) for meter in COUNTED))


def test_a_kill_in_the_middle_and_the_end_of_a_target(database: str, tmp_path: Path) -> None:
    """Killed for a while and caught up, then the target goes away: each sample counts once."""
    target = free_port()
    with ExitStack() as stack:
        service = stack.enter_context(serving(database, tmp_path))
        client = make_team(service.url)
        stop_target = stack.enter_context(node_exporter(tmp_path, target))
        prom = stack.enter_context(prometheus(tmp_path / "prometheus", client, target))
        eventually(lambda: count_of(client, "cpu.used") >= 3)
        service.kill()
        before = prom.scrapes()
        eventually(lambda: prom.scrapes() >= before + 7)  # so many never found us there at first
        service.start()
        eventually(lambda: count_of(client, "cpu.used") >= before + 4)
        stop_target()
        eventually(lambda: all_ended(client))
        check_samples(client, prom)

        unmapped = {each["name"]: each for each in client.get("/v1/mapping/unmapped", limit=1000)["items"]}
        assert unmapped["node_load1"]["reason"] == "no_rule"
        assert CPU not in unmapped  # though idle processors are ignored
        assert total(client, "cpu.used") > 0
        assert set(by(client, "cpu.used", "instance")) == {f"127.0.0.1:{target}"}
        assert set(by(client, "cpu.used", "service")) == {"node"}
        assert "ERROR" not in service.log()


def test_two_replicas_count_as_one(database: str, tmp_path: Path) -> None:
    """Two that watch the same: one is counted, and the other where that is gone."""
    target = free_port()
    with ExitStack() as stack:
        service = stack.enter_context(serving(database, tmp_path))
        client = make_team(service.url)
        stop_target = stack.enter_context(node_exporter(tmp_path, target))
        replicas = {
            name: stack.enter_context(prometheus(tmp_path / name, client, target, name)) for name in ("one", "two")
        }
        eventually(lambda: count_of(client, "cpu.used") >= 8)
        elected = {point["stream"]["labels"]["__replica__"] for point in points(client, "cpu.used")}
        assert len(elected) == 1
        first = replicas.pop(elected.pop())
        (second,) = replicas.values()
        before = first.samples(CPU)
        first.kill()
        seen = count_of(client, "cpu.used")
        eventually(lambda: count_of(client, "cpu.used") > seen + 12)  # more than the first can have had on its way
        stop_target()
        eventually(lambda: all_ended(client))

        after = second.samples(CPU)
        expected = Fraction(0)
        for series, values in ours(client, "cpu.used")[0].items():
            of_first = [at for at in values if at in before[series]]
            of_second = [at for at in values if at not in before[series]]
            assert max(of_first) < min(of_second)
            assert of_first
            wanted = {at: value for at, value in before[series].items() if min(of_first) <= at <= max(of_first)}
            wanted |= {at: value for at, value in after[series].items() if at >= min(of_second)}
            assert {at: Fraction(value) for at, value in values.items()} == {
                at: Fraction(v) for at, v in wanted.items()
            }
            expected += Fraction(values[max(values)]) - Fraction(values[min(values)])
        assert is_near(total(client, "cpu.used"), expected / 3600)
        assert expected > 0
        assert "ERROR" not in service.log()


def test_vmagent_in_the_place_of_prometheus(database: str, tmp_path: Path) -> None:
    """Killed for a while and caught up: we have what a Prometheus has that vmagent writes to as well."""
    target = free_port()
    agent = program("vmagent")
    (tmp_path / "prometheus.yml").write_text(SCRAPE.format(port=target), "utf-8")
    with ExitStack() as stack:
        service = stack.enter_context(serving(database, tmp_path))
        client = make_team(service.url)
        stop_target = stack.enter_context(node_exporter(tmp_path, target))
        receiver = stack.enter_context(started(tmp_path / "receiver", "", "--web.enable-remote-write-receiver"))
        options = (
            f" -remoteWrite.url={receiver.url}/api/v1/write"
            f" -httpListenAddr=127.0.0.1:{free_port()} -remoteWrite.tmpDataPath={tmp_path / 'queue'}"
        )
        script = shell("vmagent", client).replace("vmagent ", f"cd {tmp_path}; exec {agent} ").rstrip() + options
        stack.enter_context(running(["bash", "-euc", script], tmp_path / "vmagent.log"))
        eventually(lambda: count_of(client, "cpu.used") >= 3)
        service.kill()
        before = receiver.scrapes()
        eventually(lambda: receiver.scrapes() >= before + 4)
        service.start()
        eventually(lambda: count_of(client, "cpu.used") >= before + 6)
        stop_target()
        eventually(lambda: all_ended(client))
        check_samples(client, receiver)


@recordings("rw2-")
def test_version_2_says_what_it_wrote(recording: str, database: str, tmp_path: Path) -> None:
    """A request of Prometheus 3: as many samples written as it has, told in the headers that it demands; once."""
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        first = send(captured(recording), client)
        told = [
            int(first.headers[f"X-Prometheus-Remote-Write-{each}-Written"])
            for each in ("Samples", "Histograms", "Exemplars")
        ]
        assert first.status_code == 204
        assert told[0] > 100
        before = everything(client)
        again = send(captured(recording), client)
        assert (again.status_code, again.headers["X-Prometheus-Remote-Write-Samples-Written"]) == (204, str(told[0]))
        assert everything(client) == before

"""Debian's collectd, as it is, by write_http: our totals are those of what it writes to its own files beside it."""

from __future__ import annotations

import csv
import itertools
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.collectors.figures import by, eventually, everything, is_near, points, total
from tests.collectors.page import block
from tests.collectors.programs import end, program, running
from tests.collectors.recorder import recording, replay
from tests.served import Client, make_team, serving

pytestmark = pytest.mark.slow
CONFIG = """
Hostname "db-1"
FQDNLookup false
Interval 1
BaseDir "{directory}"
PIDFile "{directory}/collectd.pid"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File "{directory}/collectd.log"
</Plugin>
LoadPlugin cpu
LoadPlugin memory
LoadPlugin interface
LoadPlugin csv
<Plugin csv>
  DataDir "{directory}/csv"
  StoreRates false
</Plugin>
"""
Samples = dict[int, Fraction]
"""Values by milliseconds since 1970."""


@contextmanager
def collectd(directory: Path, client: Client, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run collectd with what the page says. Skips where its write_http can't be loaded."""
    daemon = program("collectd")
    directory.mkdir()
    config = directory / "collectd.conf"
    config.write_text(CONFIG.format(directory=directory) + block("collectd", client, url), "utf-8")
    tried = subprocess.run([daemon, "-T", "-C", str(config)], capture_output=True, text=True, check=False)
    log = directory / "collectd.log"
    said = tried.stderr + (log.read_text("utf-8") if log.exists() else "")
    if "write_http" in said and "dlopen" in said:
        pytest.skip("collectd can't load its write_http: it needs libcurl3-gnutls and libyajl2")
    with running([daemon, "-f", "-C", str(config)], directory / "said.log") as process:
        yield process


def in_files(directory: Path, stream: dict[str, Any]) -> Samples:
    """Answer what collectd's csv plugin wrote of a stream."""
    labels = stream["labels"]
    plugin = "-".join(filter(None, [labels["plugin"], labels.get("plugin_instance")]))
    kind = "-".join(filter(None, [labels["type"], labels.get("type_instance")]))
    found: Samples = {}
    for file in (directory / "csv" / labels["host"] / plugin).glob(f"{kind}-20??-??-??"):
        with file.open(encoding="utf-8") as rows:
            for row in csv.DictReader(rows):
                found[round(float(row["epoch"]) * 1000)] = Fraction(row[labels["dsname"]])
    return found


def ours(client: Client, meter: str) -> Iterator[tuple[dict[str, Any], Samples]]:
    """Walk over the streams that count to a meter, each with its samples."""
    streams: dict[str, dict[str, Any]] = {}
    samples: dict[str, Samples] = defaultdict(dict)
    for point in points(client, meter):
        stream = streams.setdefault(point["stream"]["id"], point["stream"])
        at = round(datetime.fromisoformat(point["time"]).timestamp() * 1000)
        samples[stream["id"]][at] = Fraction(point["value"])
    for name, stream in streams.items():
        yield stream, samples[name]


def check_samples(client: Client, directory: Path) -> None:
    """See that each of our points is in collectd's files, and that they come to what we say."""
    for meter in ("cpu.used", "memory.used", "network"):
        grown = area = Fraction(0)
        for stream, samples in ours(client, meter):
            written = in_files(directory, stream)
            assert samples.items() <= written.items(), (meter, stream["labels"])
            times = sorted(samples)
            grown += samples[times[-1]] - samples[times[0]]
            area += sum((samples[a] * (b - a) for a, b in itertools.pairwise(times)), Fraction(0))
        divisor = {"cpu.used": 360_000, "network": 2**30}.get(meter)
        expected = grown / divisor if divisor else area / 1000 / 3600 / 2**30
        assert is_near(total(client, meter), expected), meter


def count_of(client: Client, meter: str) -> int:
    """Answer how many points the stream of a meter with the most of them has."""
    return max((len(samples) for _, samples in ours(client, meter)), default=0)


def test_a_kill_in_the_middle(database: str, tmp_path: Path) -> None:
    """CPU, memory and network while the service is away for some seconds: counters make up for it."""
    directory = tmp_path / "collectd"
    with ExitStack() as stack:
        service = stack.enter_context(serving(database, tmp_path))
        recorder = stack.enter_context(recording(service.url))
        client = make_team(service.url)
        process = stack.enter_context(collectd(directory, client, recorder.url))
        eventually(lambda: count_of(client, "cpu.used") >= 3)
        service.kill()
        written = len(list((directory / "collectd.log").read_text("utf-8").splitlines()))
        eventually(lambda: len((directory / "collectd.log").read_text("utf-8").splitlines()) > written)
        service.start()
        before = count_of(client, "cpu.used")
        eventually(lambda: count_of(client, "cpu.used") >= before + 3)
        end(process)
        check_samples(client, directory)
        assert total(client, "memory.used") > 0
        assert set(by(client, "cpu.used", "service")) == {"db-1"}
        assert set(by(client, "memory.used", "host")) == {"db-1"}
        before_replay = everything(client)
        assert set(replay(recorder.requests, service.url)) == {204}
        assert everything(client) == before_replay
        assert "ERROR" not in service.log()

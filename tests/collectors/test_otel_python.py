"""OpenTelemetry's Python SDK, as it is: we count what its application counted, through kills and sent again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.collectors import otlp_figures
from tests.collectors.figures import everything, is_near, total
from tests.collectors.page import block, shell
from tests.collectors.programs import application
from tests.collectors.recorder import recording, replay
from tests.collectors.shops import GIVE_UP, PATIENCE_S, TEMPORALITY, check_shop, put_shops_mapping, work_through_kills
from tests.served import Client, make_team, serving

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parent / "clients" / "otel_shop.py"


def shop(client: Client, directory: Path, url: str | None = None) -> str:
    """Answer the shell script that sets the SDK up as the page says, and runs the shop."""
    setup = directory / "setup_sdk.py"
    setup.write_text(block("otel-python", client), "utf-8")
    return f"{shell('otel-environment', client, url)}\nexec {sys.executable} {PROGRAM} {setup}"


def is_busy(labels: dict[str, str]) -> bool:
    """Whether processors do something in this state."""
    return labels["state"] not in {"idle", "iowait", "io_wait"}


@pytest.mark.parametrize("temporality", ["cumulative", "lowmemory"])
def test_counts_what_the_application_counted(temporality: str, database: str, tmp_path: Path) -> None:
    """Own metrics and the host's, a lost answer, everything sent twice: the sums of the client and its bodies."""
    with serving(database, tmp_path) as service, recording(service.url) as recorder:
        client = make_team(service.url)
        put_shops_mapping(client, tmp_path)
        script = shop(client, tmp_path, recorder.url)
        with application(script, tmp_path / "shop.log", {TEMPORALITY: temporality}) as running:
            running.work(3)
            recorder.lose = 1
            running.work(4)
            counted = running.finish()
        sent = recorder.requests
        bodies = recorder.bodies("/v1/metrics")
        assert len(bodies) > len(set(bodies)) > 7
        check_shop(client, counted)

        used = otlp_figures.grown(bodies, "system.cpu.time", is_busy)
        received = otlp_figures.grown(bodies, "system.network.io", lambda labels: labels["device"] != "lo")
        memory = otlp_figures.held(bodies, "system.memory.usage", lambda labels: labels["state"] == "used")
        workers = otlp_figures.held(bodies, "shop.workers", lambda _: True)
        assert min(used, memory, workers) > 0
        assert is_near(total(client, "cpu.used"), used / 3600)
        assert is_near(total(client, "network"), received / 2**30)
        assert is_near(total(client, "memory.used"), memory / 3600 / 2**30)
        assert is_near(total(client, "cpu"), workers / 3600)

        before = everything(client)
        assert set(replay(sent, service.url)) == {200}
        assert everything(client) == before
        assert "ERROR" not in service.log()


def test_a_restarted_application_counts_on(database: str, tmp_path: Path) -> None:
    """Its counters begin at zero again, and what it counted before stays counted."""
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        put_shops_mapping(client, tmp_path)
        runs = []
        for rounds in (5, 3):
            with application(shop(client, tmp_path), tmp_path / "shop.log") as running:
                running.work(rounds)
                runs.append(running.finish())
        first, second = runs
        check_shop(
            client,
            {
                "orders": {name: number + second["orders"][name] for name, number in first["orders"].items()},
                "quarter_pages": first["quarter_pages"] + second["quarter_pages"],
                "renders": first["renders"] + second["renders"],
                "seconds": str(float(first["seconds"]) + float(second["seconds"])),
                "longest_queue": max(first["longest_queue"], second["longest_queue"]),
            },
        )


def test_deltas_of_a_host_are_not_counted(database: str, tmp_path: Path) -> None:
    """Told as growth, a host's counters begin with all since it was booted: they are listed, with what to do."""
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        put_shops_mapping(client, tmp_path)
        with application(shop(client, tmp_path), tmp_path / "shop.log", {TEMPORALITY: "delta"}) as running:
            running.work(3)
            check_shop(client, running.finish())
        assert total(client, "cpu.used") == total(client, "network") == 0
        unmapped = {each["name"]: each for each in client.get("/v1/mapping/unmapped", limit=1000)["items"]}
        assert unmapped["system.cpu.time"]["reason"] == unmapped["system.network.io"]["reason"] == "not_countable"
        assert "lowmemory" in unmapped["system.cpu.time"]["detail"]
        assert total(client, "memory.used") > 0


@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_a_kill_in_the_middle(temporality: str, database: str, tmp_path: Path) -> None:
    """The service is killed while the application works, and started again: the SDK sends again, nothing is lost."""
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        put_shops_mapping(client, tmp_path)
        script = shop(client, tmp_path)
        environ = {TEMPORALITY: temporality, GIVE_UP: str(PATIENCE_S)}  # in seconds
        with application(script, tmp_path / "shop.log", environ) as running:
            counted = work_through_kills(service, running)
            assert "Transient error" in running.said()
        check_shop(client, counted)

"""OpenTelemetry's JavaScript SDK, as it is: we count what its application counted, through kills and sent again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.collectors.figures import everything
from tests.collectors.page import block, shell
from tests.collectors.programs import application
from tests.collectors.recorder import recording, replay
from tests.collectors.shops import GIVE_UP, PATIENCE_S, TEMPORALITY, check_shop, put_shops_mapping, work_through_kills
from tests.served import Client, make_team, serving

pytestmark = pytest.mark.slow
SHOP = Path(__file__).parent / "clients" / "otel_shop.mjs"


def shop(client: Client, project: Path, exporter: str, url: str | None = None) -> str:
    """Answer the shell script that sets the SDK up as the page says, with either exporter, and runs the shop."""
    shutil.copy(SHOP, project)
    setup = project / "setup_sdk.mjs"
    setup.write_text(block("otel-javascript", client).replace("metrics-otlp-http", exporter), "utf-8")
    return f"cd {project}\n{shell('otel-environment', client, url)}\nexec node {SHOP.name} {setup}"


@pytest.mark.parametrize("exporter", ["metrics-otlp-http", "metrics-otlp-proto"])
@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_counts_what_the_application_counted(
    temporality: str, exporter: str, database: str, tmp_path: Path, node_project: Path
) -> None:
    """Own metrics as JSON and as protobuf, with a lost answer and everything sent twice: the sums of the client."""
    with serving(database, tmp_path) as service, recording(service.url) as recorder:
        client = make_team(service.url)
        put_shops_mapping(client, tmp_path)
        script = shop(client, node_project, exporter, recorder.url)
        with application(script, tmp_path / "shop.log", {TEMPORALITY: temporality}) as running:
            running.work(3)
            recorder.lose = 1
            running.work(4)
            counted = running.finish()
        bodies = recorder.bodies("/v1/metrics")
        assert len(bodies) > len(set(bodies)) >= 7
        check_shop(client, counted)
        before = everything(client)
        assert set(replay(recorder.requests, service.url)) == {200}
        assert everything(client) == before
        assert "ERROR" not in service.log()


@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_a_kill_in_the_middle(temporality: str, database: str, tmp_path: Path, node_project: Path) -> None:
    """The service is killed while the application works, and started again: the SDK sends again, nothing is lost."""
    with serving(database, tmp_path) as service:
        client = make_team(service.url)
        put_shops_mapping(client, tmp_path)
        script = shop(client, node_project, "metrics-otlp-http")
        environ = {TEMPORALITY: temporality, GIVE_UP: str(PATIENCE_S * 1000)}  # in milliseconds
        with application(script, tmp_path / "shop.log", environ) as running:
            counted = work_through_kills(service, running)
        check_shop(client, counted)

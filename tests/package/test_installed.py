"""The installed wheel, run from an empty directory with nothing set but PATH and HOME."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from importlib import metadata
from pathlib import Path

import httpx
import pytest

from meter.commands import COMMANDS
from meter.settings import SETTINGS
from tests.package.installed import Installed
from tests.served import Client, Service, free_port

pytestmark = [pytest.mark.slow, pytest.mark.database, pytest.mark.tree]
EVENT = {"id": "1", "time": "2026-01-05T09:00:00Z", "meter": "tokens.input", "quantity": 6548, "member": "bob"}


@pytest.fixture(scope="module", name="service")
def fixture_service(installed: Installed) -> Iterator[Service]:
    """Answer the installed service on the embedded PostgreSQL in ./data, beside folders that are called like ours."""
    for name in ("api", "meter", "sql"):
        (installed.directory / name).mkdir()
        (installed.directory / name / "__init__.py").write_text("raise RuntimeError('imported from elsewhere')\n")
    service = installed.service()
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module", name="team")
def fixture_team(service: Service, installed: Installed) -> Client:
    """Answer a team of that service, made with the operator's key that it made on first start."""
    operator = Client(service.url, (installed.directory / "data" / "operator.key").read_text("utf-8").strip())
    made = operator.post("/v1/teams", {"name": "Acme", "owner": {"user_id": "ada", "email": "ada@example.org"}})
    body = {"name": "app", "scopes": ["ingest", "read", "admin"]}
    return Client(service.url, operator.post(f"/v1/teams/{made['id']}/keys", body)["key"], made["id"])


def test_the_tree_is_not_what_runs(installed: Installed) -> None:
    """Every package is imported from the environment of the wheel, and so is what is known of the distribution."""
    script = (
        "import api, analytics, dashboards, meter, sql, importlib.metadata as m\n"
        "for package in (api, analytics, dashboards, meter, sql): print(package.__file__)\n"
        "print(m.distribution('hourmeter').locate_file(''))\n"
    )
    done = installed.run(installed.python, "-P", "-c", script)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split()
    assert len(lines) == 6
    assert [line for line in lines if not Path(line).is_relative_to(installed.place / "venv")] == []


def test_version_settings_and_help(installed: Installed) -> None:
    """They need nothing: no database, no settings, no files."""
    assert installed.meter("version") == f"hourmeter {metadata.version('hourmeter')}\n"
    settings = installed.meter("settings", COLUMNS="200")
    assert [setting.name for setting in SETTINGS if setting.name not in settings] == []
    said = installed.meter("--help")
    names = [command.page.name for command in COMMANDS]
    assert [name for name in names if not re.search(rf"^    {name}\s", said, re.MULTILINE)] == []
    for command in COMMANDS:
        assert f"usage: meter {command.page.name}" in installed.meter(command.page.name, "--help")


def test_an_event_goes_in_and_comes_out(team: Client) -> None:
    """Pushed, answered, and not counted twice."""
    assert team.push([EVENT]) == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert team.push([EVENT]) == {"accepted": 0, "duplicates": 1, "rejected": []}
    question = {"meter": "tokens.input", "from_": "2026-01-05", "to": "2026-01-06", "group_by": "member"}
    (item,) = team.usage(**{name.rstrip("_"): value for name, value in question.items()})
    assert (item["quantity"], item["member"]) == ("6548", "bob")


def test_pages_come_with_all_they_load(team: Client) -> None:
    """The page of trends, its styles and scripts, and the plotly bundle."""
    team.push([{"id": "now", "meter": "documents", "quantity": 1}])
    with httpx.Client(base_url=team.url, follow_redirects=True) as browser:
        page = browser.post("/signin", data={"key": team.key, "after": "/dashboard"})
        assert page.status_code == httpx.codes.OK
        loaded = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))
        answers = {url.split("?")[0]: browser.get(url.replace("&amp;", "&")) for url in loaded}
    assert {name.rpartition("/")[2] for name in answers} >= {"hourmeter.css", "plotly.css", "chart.js", "plotly.min.js"}
    assert {answer.status_code for answer in answers.values()} == {httpx.codes.OK}
    assert "plotly.js v" in answers["/static/plotly.min.js"].text[:200]


def test_an_invoice_is_made_and_drawn(team: Client) -> None:
    """Prices, templates and styles of the PDF are all there."""
    team.push([EVENT])
    made = team.post(f"/v1/teams/{team.team}/invoices", {"from": "2026-01-01", "to": "2026-02-01"})
    assert Decimal(made["total"]) > 0
    pdf = team.http.get(f"/v1/invoices/{made['id']}/pdf")
    assert pdf.status_code == httpx.codes.OK
    assert pdf.content.startswith(b"%PDF-")


def test_the_api_describes_itself(team: Client) -> None:
    """OpenAPI names the version of the wheel."""
    assert team.get("/v1/openapi.json")["info"]["version"] == metadata.version("hourmeter")


def test_the_worker_of_the_service_works(service: Service, team: Client, installed: Installed) -> None:
    """What it rolls up and what raw events say are the same; the doctor looks at ./data while the service runs."""
    team.push([EVENT])
    assert "holds" in installed.meter("doctor")
    assert "imported from elsewhere" not in service.log()


def test_the_demo_from_nothing(installed: Installed) -> None:
    """A populated product and its invoice, and an object to find them by."""
    said = installed.meter(
        "demo", "--once", "--json", METER_DATA_DIR=str(installed.place / "demo"), METER_PORT=str(free_port())
    )
    made = json.loads(said.splitlines()[-1])
    assert Decimal(made["total"]) > 0
    assert Path(made["pdf"]).read_bytes().startswith(b"%PDF-")

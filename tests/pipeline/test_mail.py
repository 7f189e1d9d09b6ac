"""The page about mail: each of its blocks runs as it stands there, and the link in the mail leads to the invoice."""

from __future__ import annotations

import mailbox
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.pipeline.test_quickstart import objects
from tests.served import Service, free_port, make_team

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "mail.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))
YEAR = datetime.now(UTC).year - 1
WITHIN_S = 60


def until(what: Callable[[], Any]) -> Any:
    """Answer what is asked for as soon as there is any."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come")


def listens(port: int) -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def mails(folder: Path) -> list[EmailMessage]:
    """Answer what the mail server wrote down."""
    found = []
    for mail in mailbox.Maildir(folder, create=False):
        parsed = message_from_bytes(mail.as_bytes(), policy=default)
        assert isinstance(parsed, EmailMessage)
        found.append(parsed)
    return found


def test_the_page(database: str, tmp_path: Path) -> None:
    """A mail server, an invoice sent again and to somebody else, the log; the link is followed, signed in."""
    if shutil.which("curl") is None:
        pytest.skip("no curl on PATH")
    port = free_port()
    command = BLOCKS["server"].replace("8025", str(port)).split()
    told = dict(re.findall(r"export (\w+)='?([^'\n]+)'?\n", BLOCKS["settings"].replace("8025", str(port))))
    service = Service(database, tmp_path, **told)
    service._environ["METER_PUBLIC_URL"] = service.url
    with subprocess.Popen([sys.executable, *command[1:]], cwd=tmp_path) as server:
        try:
            until(lambda: listens(port))
            service.start()
            follow(service, tmp_path)
        finally:
            service.stop()
            server.terminate()


def follow(service: Service, folder: Path) -> None:
    """Walk through the page."""
    client = make_team(service.url, "Zoë & Co", plan="credits/payg", billing_email="pay@example.com")
    client.push([{"time": f"{YEAR}-10-07T10:00:00Z", "meter": "tokens.input", "quantity": 10**6}])
    invoice = client.post(f"/v1/teams/{client.team}/invoices", {"from": f"{YEAR}-10-01", "to": f"{YEAR}-11-01"})
    if invoice["status"] == "draft":
        invoice = client.post(f"/v1/invoices/{invoice['id']}/finalize", {})
    environ = os.environ | {"HOURMETER": service.url, "KEY": client.key, "INVOICE": invoice["id"]}

    def run(name: str) -> list[Any]:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", BLOCKS[name]],
            cwd=folder, env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout, done.stderr)
        return objects(done.stdout)

    usual, named = run("send")
    assert sorted(each["to"] for each in usual["items"]) == ["alice@example.com", "pay@example.com"]
    assert [each["to"] for each in named["items"]] == ["books@example.org"]
    wanted = {each["id"] for each in [*usual["items"], *named["items"]]}
    until(lambda: wanted <= {each["id"] for each in run("log")[0]["items"] if each["state"] == "sent"})
    mail = next(each for each in mails(folder / "mails") if each["To"].addresses[0].addr_spec == "books@example.org")
    assert mail["From"].addresses[0].display_name == "Acme Billing"
    plain = mail.get_body(("plain",))
    assert plain is not None
    (link,) = re.findall(r"http\S+", plain.get_content())
    with httpx.Client(base_url=service.url, follow_redirects=True) as browser:
        form = browser.get(link)
        after = re.findall(r'name="after" value="([^"]+)"', form.text)
        page = browser.post("/signin", data={"key": client.key, "after": after[0]})
    assert page.status_code == httpx.codes.OK
    assert invoice["number"] in page.text

"""A team with a plan, and a certificate of a mail server."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from meter import database as databases
from meter.ingest import Ingest
from tests.billing.house import House, make_team
from tests.mail.post_office import PostOffice, opened

CONNECTIONS = 8
PAST_DAYS = 400


@pytest.fixture
async def house(any_database: str) -> AsyncIterator[House]:
    """Answer a team on credits/payg in a database of its own, on each engine."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        yield await make_team(pool, Ingest(pool, PAST_DAYS), "credits/payg")


@pytest.fixture
async def home(database: str) -> AsyncIterator[House]:
    """Answer such a team on the embedded engine alone, for what is about mail servers and words."""
    async with databases.pool(database, CONNECTIONS) as pool:
        yield await make_team(pool, Ingest(pool, PAST_DAYS), "credits/payg")


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    """Answer a mail server that takes everything."""
    async with opened() as opened_office:
        yield opened_office


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answer a file with a key and a certificate for localhost that nobody vouches for."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on PATH")
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-keyout", str(file), "-out", str(file.with_suffix(".crt"))]
    subprocess.run(command, check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + file.with_suffix(".crt").read_bytes())
    return file


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """Answer what a mail server speaks TLS with."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context

"""Makes the demo's teams, sends their past and closes their last month: each step once, however often it is run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meter.collect.post import Connection
from meter.demo import state as kept
from meter.demo.api import ask, make
from meter.demo.load import Batch, batches, load
from meter.demo.rhythm import LENGTH, QUARTER, story
from meter.demo.state import State, TeamState
from meter.demo.world import COMPANIES, Company

SCOPES = ("ingest", "read", "admin")
INVOICES = "invoices"


class Bill(NamedTuple):
    """An invoice that was made: what it is called, what it comes to, and where its PDF was saved."""

    id: str
    number: str
    total: str
    currency: str
    pdf: Path


def make_teams(connection: Connection, directory: Path, state: State) -> None:
    """Makes the teams that the state does not have yet, each with a key, and notes them. Raises DemoError."""
    for company in COMPANIES:
        if company.slug not in state.teams:
            state.teams[company.slug] = _make_team(connection, company, state.began)
            kept.save(directory, state)


def _make_team(connection: Connection, company: Company, began: datetime) -> TeamState:
    owner = {"user_id": company.owner, "email": company.email}
    body = {"name": company.name, "owner": owner, "timezone": company.timezone, "plan": company.plan}
    team = make(connection, "/v1/teams", body, f"demo-{company.slug}-{began.isoformat()}")["id"]
    key = make(connection, f"/v1/teams/{team}/keys", {"name": "demo", "scopes": SCOPES, "kind": "standard"})
    return TeamState(id=team, key=key["key"], sent_until=began - LENGTH)


def quarters_to_send(state: State, now: datetime) -> dict[str, int]:
    """How many quarters of an hour each company's past still has, once for samples and once for events."""
    return {
        company.slug: sum(
            int((now - _since(state, company, now)) / QUARTER) + 1 for _ in {stream.path for stream in company.streams}
        )
        for company in COMPANIES
    }


def _since(state: State, company: Company, now: datetime) -> datetime:
    return max(state.teams[company.slug].sent_until, now - LENGTH)


def send_past(url: str, directory: Path, state: State, now: datetime, advance: Callable[[str, Batch], None]) -> None:
    """Sends every company's usage until now that was not sent yet, and notes it. Raises DemoError, OSError."""
    for company in COMPANIES:
        team = state.teams[company.slug]
        told = story(state.began, ZoneInfo(company.timezone))
        found = batches(company.streams, told, _since(state, company, now), now)
        load(url, team.key, found, partial(advance, company.slug))
        team.sent_until = now
        kept.save(directory, state)


def close_last_month(url: str, directory: Path, team: TeamState) -> Bill:
    """The invoice of a team's last month, made unless it is there, and its PDF saved. Raises DemoError, OSError."""
    with closing(Connection(url, team.key)) as connection:
        invoice = make(connection, f"/v1/teams/{team.id}/invoices", {})
        pdf = ask(connection, "GET", f"/v1/invoices/{invoice['id']}/pdf").body
    path = directory / INVOICES / f"{invoice['number']}.pdf"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(pdf)
    return Bill(invoice["id"], invoice["number"], str(invoice["total"]), invoice["currency"], path.resolve())

"""What a new team gets that names nothing, and what the service refuses to start with."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from meter.settings import SettingsError
from tests.api.site import served, settings_for

OWNER = {"user_id": "ada", "email": "ada@example.org"}
ASIA = {"default_plan": "calls/pro", "default_timezone": "Asia/Kathmandu"}


async def test_a_new_team_gets_the_operators_defaults(database: str, tmp_path: Path) -> None:
    """Zone and plan of the settings, unless it names its own."""
    async with served(settings_for(database, tmp_path, **ASIA)) as site:
        plain = await site.post("/v1/teams", {"name": "Plain", "owner": OWNER})
        own = await site.post("/v1/teams", {"name": "Own", "owner": OWNER, "timezone": "UTC", "plan": "cloud/payg"})
        async with site.client() as client:
            asked = "/v1/billing/subscription"
            plans = [(await client.get(asked, params={"team": team["id"]})).json()["plan"] for team in (plain, own)]
    assert [plain["timezone"], own["timezone"]] == ["Asia/Kathmandu", "UTC"]
    assert plans == ["calls/pro", "cloud/payg"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"default_plan": "credits/gold"},
            "METER_DEFAULT_PLAN: there is no plan 'credits/gold'; write one of .*credits/payg",
        ),
        ({"host": "no.such.host.invalid"}, "METER_HOST: no.such.host.invalid is no address of this machine"),
        ({"host": "192.0.2.1"}, "METER_HOST, METER_PORT: 192.0.2.1:.* can't be listened on"),
    ],
)
async def test_settings_that_do_not_fit_are_refused_at_start(
    database: str, tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    """Not when the first team comes; and the message says what to write."""
    with pytest.raises(SettingsError, match=said):
        async with served(settings_for(database, tmp_path, **changed)):
            pass


async def test_a_host_may_be_a_name(database: str, tmp_path: Path) -> None:
    """The server itself takes addresses only."""
    async with served(settings_for(database, tmp_path, host="localhost")) as site, site.client(None) as client:
        assert (await client.get("/v1/health")).status_code == 200


async def test_a_port_that_is_taken_is_refused(database: str, tmp_path: Path) -> None:
    """The message names the settings that choose it."""
    settings = settings_for(database, tmp_path)
    with socket.socket() as other:
        other.bind((settings.host, settings.port))
        other.listen()
        with pytest.raises(SettingsError, match=f"METER_HOST, METER_PORT: .*:{settings.port} can't be listened on"):
            async with served(settings):
                pass

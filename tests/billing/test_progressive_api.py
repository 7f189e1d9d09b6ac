"""The threshold over HTTP: the operator says it, the team reads it, and each change is recorded."""

from __future__ import annotations

from typing import Any

import httpx

from tests.billing.papers import team
from tests.served import Client, Service

PATH = "/v1/billing/threshold"


def put(client: Client, body: object, **headers: str) -> httpx.Response:
    """Answer what comes of saying a threshold of the client's team, by the operator."""
    operator = Client(client.url)
    return operator.http.put(PATH, params={"team": client.team}, json=body, headers=headers)


def test_it_is_said_read_and_taken_away(served: Service) -> None:
    """None at first; each version replaces the one before, and is in the audit log."""
    client = team(served)
    first = client.get(PATH)
    assert first == {"amount": None, "currency": "USD", "recurring": True, "version": 0, "changed_at": None}
    made = put(client, {"amount": "250.50", "recurring": False})
    assert (made.status_code, made.headers["ETag"]) == (200, '"1"')
    assert client.get(PATH) == made.json()
    assert (made.json()["amount"], made.json()["recurring"]) == ("250.5", False)
    assert put(client, {"amount": 7}, **{"If-Match": '"3"'}).status_code == 412
    assert put(client, {"amount": None}, **{"If-Match": '"1"'}).json()["version"] == 2
    assert client.get(PATH)["amount"] is None
    entries = client.get(f"/v1/teams/{client.team}/audit")["items"]
    assert [each["action"] for each in entries].count("billing_threshold.change") == 2


WRONG: tuple[dict[str, Any], ...] = (
    {},
    {"amount": "0"},
    {"amount": "-1"},
    {"amount": "NaN"},
    {"amount": "1e99"},
    {"amount": "1", "of": 1},
)


def test_what_is_no_amount_is_refused(served: Service) -> None:
    """Nothing is kept of it, and no team says its own: that would be the limit of what it owes."""
    client = team(served)
    assert [put(client, body).status_code for body in WRONG] == [400] * len(WRONG)
    assert client.http.put(PATH, json={"amount": "1"}).status_code == 403
    assert client.get(PATH)["version"] == 0

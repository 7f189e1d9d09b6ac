"""/v1/meters: made, shown, changed by their rules, archived; by whom, and once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from meter.meter_rules import RESERVED
from tests.api.site import OPERATOR_KEY, Site, problem

DEPTH = {"slug": "queue.depth", "unit": "job", "aggregation": "max", "dimensions": ["region", "queue"]}
AT = "2026-11-01T12:00:00Z"
DAY = {"from": "2026-11-01", "to": "2026-11-02"}


@pytest.fixture(name="team")
async def fixture_team(site: Site) -> str:
    """Answer a team without meters of its own."""
    return await site.make_team()


@pytest.fixture(name="key")
async def fixture_key(site: Site, team: str) -> str:
    """Answer a key of all scopes of that team."""
    return await site.make_key(team, "ingest", "read", "admin")


async def send(
    site: Site, method: str, path: str, body: object = None, key: str = OPERATOR_KEY, **headers: str
) -> httpx.Response:
    """Answer what one request is answered."""
    async with site.client(key, **headers) as client:
        return await client.request(method, path, json=body)


async def used(site: Site, key: str, meter: str, *facts: dict[str, Any]) -> Any:
    """Push facts of a meter and answer the receipt."""
    events = [{"id": uuid4().hex, "time": AT, "meter": meter, **fact} for fact in facts]
    return await site.post("/v1/events", events, key)


async def usage(site: Site, key: str, meter: str, **question: str) -> dict[str | None, str]:
    """Answer what was used on the day, by the group asked for."""
    async with site.client(key) as client:
        answer = await client.get("/v1/usage", params={"meter": meter, **DAY, **question})
    assert answer.is_success, answer.text
    return {item.get(question.get("group_by", "")): item["quantity"] for item in answer.json()["items"]}


async def test_a_team_makes_a_meter_of_its_own(site: Site, team: str, key: str) -> None:
    """It is shown as it was said, listed for the team and the operator who asks for it, and for nobody else."""
    made = await site.post("/v1/meters", DEPTH, key)
    assert made == DEPTH | {
        "title": "queue.depth",
        "dimensions": ["queue", "region"],
        "own": True,
        "billable": False,
        "billable_statuses": None,
        "scale": "1",
        **dict.fromkeys(
            ("per", "unique_of", "percentile", "gap_rule", "gap_seconds", "expected_every_seconds", "archived_at")
        ),
        "version": 1,
    }
    other = await site.make_key(await site.make_team(), "ingest", "read")
    shown = await send(site, "GET", "/v1/meters/queue.depth", key=key)
    assert (shown.json(), shown.headers["etag"]) == (made, '"1"')
    assert (await send(site, "GET", f"/v1/meters/queue.depth?team={team}")).json() == made
    for asked in (other, OPERATOR_KEY):
        assert problem(await send(site, "GET", "/v1/meters/queue.depth", key=asked)) == "unknown_meter"
        listed = (await send(site, "GET", "/v1/meters", key=asked)).json()["items"]
        assert "queue.depth" not in {meter["slug"] for meter in listed}
    assert made in (await send(site, "GET", "/v1/meters", key=key)).json()["items"]
    receipt = await used(site, key, "queue.depth", *({"quantity": n, "dimensions": {"queue": "a"}} for n in (3, 9, 4)))
    assert receipt["accepted"] == 3
    assert await usage(site, key, "queue.depth", group_by="queue") == {"a": "9"}
    assert (await used(site, other, "queue.depth", {"quantity": 1}))["rejected"][0]["code"] == "unknown_meter"


@pytest.mark.parametrize(
    ("fields", "facts", "quantity"),
    [
        ({"aggregation": "sum", "scale": 1024}, [{"quantity": 512}, {"quantity": "1536"}], "2"),
        ({"aggregation": "count"}, [{}, {"quantity": 7}], "2"),
        ({"aggregation": "min"}, [{"quantity": 7}, {"quantity": 2}], "2"),
        ({"aggregation": "average"}, [{"quantity": 3}, {"quantity": 1}], "2"),
        ({"aggregation": "percentile", "percentile": "50"}, [{"quantity": n} for n in (9, 2, 1)], "2"),
        ({"aggregation": "unique", "unique_of": "member"}, [{"member": who} for who in ("a", "b", "a")], "2"),
        (
            {"aggregation": "unique", "unique_of": "attributes.session"},
            [{"attributes": {"session": session}} for session in ("s", "t", "s")],
            "2",
        ),
        ({"aggregation": "time_weighted", "per": "minute"}, [{"quantity": 4, "duration_seconds": 30}], "2"),
        (
            {"aggregation": "time_weighted", "scale": 1024},
            [{"quantity": 1024, "duration_seconds": 3600}, {"quantity": 1}],
            "2",
        ),
    ],
)
async def test_each_kind_of_meter_adds_up_as_it_says(
    site: Site, key: str, fields: dict[str, Any], facts: list[dict[str, Any]], quantity: str
) -> None:
    """From its making over its events to its usage."""
    await site.post("/v1/meters", {"slug": "own", "unit": "thing", **fields}, key)
    receipt = await used(site, key, "own", *facts)
    assert receipt["accepted"] == len(facts), receipt
    assert await usage(site, key, "own") == {None: quantity}


async def test_a_value_that_is_not_brought_is_asked_for(site: Site, key: str) -> None:
    """The refusal names what to bring; X-User-ID is a member."""
    await site.post(
        "/v1/meters", {"slug": "people", "unit": "person", "aggregation": "unique", "unique_of": "member"}, key
    )
    (refused,) = (await used(site, key, "people", {}))["rejected"]
    assert refused["code"] == "unique_value_missing"
    assert "X-User-ID" in refused["detail"]
    event = {"id": "1", "time": AT, "meter": "people"}
    async with site.client(key, **{"X-User-ID": "ada"}) as client:
        assert (await client.post("/v1/events", json=event)).json()["accepted"] == 1


async def test_what_is_billed_is_the_operators(site: Site, team: str, key: str) -> None:
    """A team neither makes nor changes what it is billed for; the operator makes it for the team, or for all."""
    billed = {"slug": "gpu", "unit": "GPU-hour", "aggregation": "time_weighted", "billable": True}
    assert problem(await send(site, "POST", "/v1/meters", billed, key)) == "forbidden"
    made = await send(site, "POST", f"/v1/meters?team={team}", billed)
    assert (made.status_code, made.json()["own"], made.json()["per"]) == (201, True, "hour")
    for method, body in (("PATCH", {"billable_statuses": ["2xx"]}), ("PATCH", {"title": "x"}), ("DELETE", None)):
        assert problem(await send(site, method, "/v1/meters/gpu", body, key)) == "forbidden"
    owner = await send(site, "POST", f"/v1/meters?team={team}", billed | {"slug": "tpu"}, **{"X-User-ID": "ada"})
    assert problem(owner) == "forbidden", "the operator acts for a member there"
    assert (await send(site, "PATCH", f"/v1/meters/gpu?team={team}", {"title": "GPUs"})).json()["title"] == "GPUs"
    await site.post("/v1/meters", DEPTH, key)
    assert problem(await send(site, "PATCH", "/v1/meters/queue.depth", {"billable": True}, key)) == "forbidden"
    assert problem(await send(site, "PATCH", "/v1/meters/requests", {"title": "Mine"}, key)) == "forbidden"
    assert problem(await send(site, "DELETE", f"/v1/meters/requests?team={team}")) == "forbidden"


async def test_the_operator_adds_to_the_catalogue(site: Site, key: str) -> None:
    """Every team has it from then on."""
    slug = f"made_{uuid4().hex}"
    made = await site.post("/v1/meters", {"slug": slug, "unit": "call", "aggregation": "count", "billable": True})
    assert (made["own"], made["billable"]) == (False, True)
    assert (await send(site, "GET", f"/v1/meters/{slug}", key=key)).json() == made
    assert (await used(site, key, slug, {}))["accepted"] == 1
    assert (await send(site, "DELETE", f"/v1/meters/{slug}")).status_code == 204
    assert (await used(site, key, slug, {}))["rejected"][0]["code"] == "meter_archived"


async def test_a_name_is_taken_once(site: Site, team: str, key: str) -> None:
    """By the catalogue, by the team, and for the catalogue by any team; archived meters keep theirs."""
    await site.post("/v1/meters", DEPTH, key)
    await send(site, "DELETE", "/v1/meters/queue.depth", key=key)
    attempts = [(key, "/v1/meters"), (OPERATOR_KEY, f"/v1/meters?team={team}"), (OPERATOR_KEY, "/v1/meters")]
    for who, path in attempts:
        assert problem(await send(site, "POST", path, DEPTH, who)) == "meter_exists"
        assert problem(await send(site, "POST", path, DEPTH | {"slug": "requests"}, who)) == "meter_exists"
    other = await site.make_key(await site.make_team(), "admin")
    assert (await send(site, "POST", "/v1/meters", DEPTH, other)).status_code == 201


async def test_a_retried_making_makes_one(site: Site, key: str) -> None:
    """The retry hears the first answer."""
    name = {"Idempotency-Key": uuid4().hex}
    first, retry = [await send(site, "POST", "/v1/meters", DEPTH, key, **name) for _ in range(2)]
    assert (first.status_code, retry.status_code) == (201, 201)
    assert first.content == retry.content


async def test_an_edit_is_of_the_version_that_was_seen(site: Site, key: str) -> None:
    """Another one is refused and changes nothing; without If-Match the edit is made."""
    await site.post("/v1/meters", DEPTH, key)
    path = "/v1/meters/queue.depth"
    edited = await send(site, "PATCH", path, {"title": "Depth"}, key, **{"If-Match": '"1"'})
    assert (edited.json()["version"], edited.headers["etag"]) == (2, '"2"')
    for method, body in (("PATCH", {"title": "Late"}), ("DELETE", None)):
        assert problem(await send(site, method, path, body, key, **{"If-Match": '"1"'})) == "changed_meanwhile"
    assert (await send(site, "PATCH", path, {"unit": "task"}, key)).json()["version"] == 3
    same = await send(site, "PATCH", path, {"unit": "task"}, key)
    assert (same.json()["version"], same.json()["title"]) == (3, "Depth")


async def test_a_used_meter_keeps_what_its_numbers_depend_on(site: Site, key: str) -> None:
    """The refusal names the fields, and nothing of it is done; what may change does."""
    await site.post("/v1/meters", DEPTH, key)
    path = "/v1/meters/queue.depth"
    await used(site, key, "queue.depth", {"quantity": 3, "dimensions": {"queue": "a"}})
    refused = await send(site, "PATCH", path, {"unit": "task", "dimensions": ["queue"], "title": "Depth"}, key)
    assert problem(refused) == "meter_in_use"
    assert refused.json()["fields"] == ["unit", "dimensions"]
    assert (await send(site, "GET", path, key=key)).json()["version"] == 1
    more = {"title": "Depth", "dimensions": ["queue", "region", "shard"], "billable_statuses": ["2XX", "done"]}
    changed = (await send(site, "PATCH", path, more, key)).json()
    assert (changed["dimensions"], changed["billable_statuses"]) == (["queue", "region", "shard"], ["2xx", "done"])
    assert (await used(site, key, "queue.depth", {"quantity": 5, "dimensions": {"shard": "1"}}))["accepted"] == 1
    cleared = (await send(site, "PATCH", path, {"billable_statuses": None}, key)).json()
    assert cleared["billable_statuses"] is None


async def test_an_archived_meter_is_read_and_not_added_to(site: Site, key: str) -> None:
    """Archiving again changes nothing; put back into use it takes events."""
    await site.post("/v1/meters", DEPTH, key)
    path = "/v1/meters/queue.depth"
    await used(site, key, "queue.depth", {"quantity": 3})
    for _ in range(2):
        assert (await send(site, "DELETE", path, key=key)).status_code == 204
    archived = (await send(site, "GET", path, key=key)).json()
    assert archived["archived_at"] is not None
    assert archived["version"] == 2
    assert (await used(site, key, "queue.depth", {"quantity": 9}))["rejected"][0]["code"] == "meter_archived"
    assert await usage(site, key, "queue.depth") == {None: "3"}
    back = (await send(site, "PATCH", path, {"archived": False}, key)).json()
    assert (back["archived_at"], back["version"]) == (None, 3)
    assert (await used(site, key, "queue.depth", {"quantity": 9}))["accepted"] == 1


async def test_every_change_is_in_the_audit_log(site: Site, team: str, key: str) -> None:
    """What was and what is; an edit that changes nothing is none."""
    await site.post("/v1/meters", DEPTH, key)
    path = "/v1/meters/queue.depth"
    for body in ({"title": "Depth"}, {"title": "Depth"}):
        await send(site, "PATCH", path, body, key)
    await send(site, "DELETE", path, key=key)
    entries = (await send(site, "GET", f"/v1/teams/{team}/audit", key=key)).json()["items"]
    of_meters = [entry for entry in entries if entry["subject"] == "meter:queue.depth"]
    assert [entry["action"] for entry in of_meters] == ["meter.archive", "meter.change", "meter.create"]
    assert (of_meters[1]["before"]["title"], of_meters[1]["after"]["title"]) == ("queue.depth", "Depth")
    assert of_meters[2]["before"] is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (DEPTH | {"slug": "Queue"}, "invalid_body"),
        (DEPTH | {"unit": ""}, "invalid_body"),
        (DEPTH | {"aggregation": "median"}, "invalid_body"),
        (DEPTH | {"colour": "red"}, "invalid_body"),
        (DEPTH | {"scale": "one"}, "invalid_body"),
        (DEPTH | {"dimensions": ["member"]}, "invalid_meter"),
        (DEPTH | {"aggregation": "unique"}, "invalid_meter"),
        (DEPTH | {"scale": 1024}, "invalid_meter"),
        (DEPTH | {"aggregation": "sum", "scale": "NaN"}, "invalid_meter"),
        (DEPTH | {"aggregation": "percentile", "percentile": "100"}, "invalid_meter"),
    ],
)
async def test_what_can_be_no_meter(site: Site, key: str, body: dict[str, Any], code: str) -> None:
    """Refused with what to change; nothing is there afterwards."""
    assert problem(await send(site, "POST", "/v1/meters", body, key)) == code
    assert problem(await send(site, "GET", "/v1/meters/queue.depth", key=key)) == "unknown_meter"


async def test_what_a_meter_can_not_become(site: Site, key: str) -> None:
    """An edit is held against the whole of the meter."""
    await site.post("/v1/meters", DEPTH, key)
    unfit: tuple[dict[str, Any], ...] = (
        {"aggregation": "unique"},
        {"per": "hour"},
        {"scale": 10},
        {"gap_rule": "zero"},
    )
    for change in unfit:
        assert problem(await send(site, "PATCH", "/v1/meters/queue.depth", change, key)) == "invalid_meter"
    malformed: tuple[dict[str, str | None], ...] = ({"slug": "other"}, {"title": None}, {"unit": "x" * 41})
    for body in malformed:
        assert problem(await send(site, "PATCH", "/v1/meters/queue.depth", body, key)) == "invalid_body"
    kind = {"aggregation": "time_weighted", "per": "day", "gap_rule": "hold", "gap_seconds": 300}
    became = (await send(site, "PATCH", "/v1/meters/queue.depth", kind, key)).json()
    assert became.items() >= kind.items()


@pytest.mark.parametrize("slug", ["nothing", "a" * 64, "Caps", "%00", "a%2Fb", "é"])
async def test_meters_that_are_not_there(site: Site, key: str, slug: str) -> None:
    """Whatever the name looks like, it is a refusal."""
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        answer = await send(site, method, f"/v1/meters/{slug}", body, key)
        assert problem(answer) in {"unknown_meter", "invalid_parameter", "not_found"}


async def test_who_may(site: Site, team: str, key: str) -> None:
    """All may look; making and changing takes the scope admin, and of members an owner or admin."""
    for scope in ("ingest", "read"):
        other = await site.make_key(team, scope)
        assert (await send(site, "GET", "/v1/meters/requests", key=other)).status_code == 200
        for method, path in (("POST", "/v1/meters"), ("PATCH", "/v1/meters/x"), ("DELETE", "/v1/meters/x")):
            assert problem(await send(site, method, path, DEPTH, other)) == "forbidden"
    async with site.client(key, **{"X-User-ID": "bob"}) as client:
        event = {"id": "1", "time": AT, "meter": "requests", "quantity": 1}
        assert (await client.post("/v1/events", json=event)).json()["accepted"] == 1
    assert problem(await send(site, "POST", "/v1/meters", DEPTH, key, **{"X-User-ID": "bob"})) == "forbidden"
    assert (await send(site, "GET", "/v1/meters/requests", key=key, **{"X-User-ID": "bob"})).status_code == 200
    assert (await send(site, "POST", "/v1/meters", DEPTH, key, **{"X-User-ID": "ada"})).status_code == 201


async def test_parameters_of_questions_are_no_dimensions(site: Site) -> None:
    """Whatever stands in a query of usage or trends, or beside a group in an answer, is reserved."""
    document = (await send(site, "GET", "/v1/openapi.json")).json()
    shared = document["components"].get("parameters", {})
    asked = {
        parameter["name"]
        for path, item in document["paths"].items()
        if path.startswith(("/v1/usage", "/v1/analytics"))
        for operation in item.values()
        for given in operation.get("parameters", ())
        for parameter in [shared[given["$ref"].rpartition("/")[2]] if "$ref" in given else given]
        if parameter["in"] == "query"
    }
    assert {"meter", "from", "group_by"} <= asked
    assert asked - RESERVED == set()
    async with site.client() as client:
        team = await site.make_team()
        question = {"team": team, "meter": "requests", **DAY, "fill": "zero", "compare": "day"}
        answer = await client.get("/v1/usage", params=question)
        rows = await client.get("/v1/usage", params=question | {"format": "csv"})
    assert set(answer.json()["items"][0]) - RESERVED == set()
    assert set(rows.text.splitlines()[0].split(",")) - RESERVED == set()

"""/v1/mapping: shown, replaced in JSON and TOML by who saw it last, tried on bodies, and what no rule takes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import msgspec
import pytest

from api.ingest.otlp import JSON
from meter.mapping.presets import USUAL, presets
from meter.mapping.rules import MOST_RULES
from tests.api.collecting import MAPPING, at, counter, gauge, make_sender, push, push_otlp, push_rw, usage
from tests.api.site import Site, problem
from tests.api_ingest.otlp_requests import attributes
from tests.api_ingest.remote_write_requests import sample

PATH = "/v1/mapping"
TOML = "application/toml"
RULE: dict[str, Any] = {"metric": "m", "meter": "requests"}
EVENT: dict[str, Any] = {"type": "t", "meter": "requests"}
CLOUDEVENTS = "application/cloudevents-batch+json"
HAPPENED = {"specversion": "1.0", "id": "1", "source": "app", "type": "prompt", "subject": "ann"}
WRITTEN = """
presets = ["genai"]

[[rules]]  # TOML, as people write it
metric = "jobs*"
where = { queue = ["!test", "a*"] }
meter = "requests"
multiply = 0.1
dimensions = { region = "{zone}" }

[[events]]
type = "prompt"
meter = "tokens.input"
value = "$.tokens"
"""


@pytest.fixture(name="team")
async def fixture_team(site: Site) -> str:
    """Answer a team that never put a mapping."""
    return await site.make_team()


@pytest.fixture(name="key")
async def fixture_key(site: Site, team: str) -> str:
    """Answer a key of all scopes of that team."""
    return await site.make_key(team, "ingest", "read", "admin")


async def get(site: Site, key: str, path: str = PATH, **question: Any) -> httpx.Response:
    """Answer what a GET is answered, which is a success."""
    async with site.client(key) as client:
        answer = await client.get(path, params=question)
    assert answer.status_code == 200, answer.text
    return answer


async def put(site: Site, key: str, mapping: object, media_type: str = JSON, **headers: str) -> httpx.Response:
    """Answer what a mapping is answered: a document, or a text as it stands."""
    content = mapping if isinstance(mapping, (str, bytes)) else msgspec.json.encode(mapping)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with site.client(key) as client:
        return await client.put(PATH, content=content, headers={"Content-Type": media_type, **named})


async def test_a_team_begins_with_the_usual_presets(site: Site, key: str) -> None:
    """Version 1, never changed."""
    answer = await get(site, key)
    assert answer.headers["etag"] == '"1"'
    assert (answer.json()["version"], answer.json()["changed_at"]) == (1, None)
    assert answer.json()["mapping"] == {"presets": list(USUAL), "rules": [], "events": []}


async def test_a_mapping_is_replaced_by_who_saw_it_last(site: Site, team: str, key: str) -> None:
    """With If-Match that version only; each change is written down as it was and is."""
    first = (await get(site, key)).json()
    answer = await put(site, key, MAPPING, If_Match='"1"')
    assert (answer.status_code, answer.headers["etag"], answer.json()["version"]) == (200, '"2"', 2)
    shown = await get(site, key)
    assert (shown.json(), shown.headers["etag"]) == (answer.json(), '"2"')
    assert shown.json()["changed_at"] is not None
    assert shown.json()["mapping"]["rules"][0] | MAPPING["rules"][0] == shown.json()["mapping"]["rules"][0]
    late = await put(site, key, {}, If_Match='"1"')
    assert (late.status_code, problem(late), late.json()["version"]) == (412, "changed_meanwhile", 2)
    assert problem(await put(site, key, {}, If_Match="2")) == "invalid_parameter"
    assert (await get(site, key)).json() == shown.json()
    async with site.client(key, **{"X-User-ID": "ada"}) as client:
        assert (await client.put(PATH, json={})).json()["version"] == 3
    (latest, earlier) = (await get(site, key, f"/v1/teams/{team}/audit", action="mapping.change")).json()["items"]
    assert (earlier["before"], earlier["after"]) == (first, answer.json())
    assert (latest["before"], latest["after"]["mapping"]) == (answer.json(), {"presets": [], "rules": [], "events": []})
    assert (latest["subject"], latest["member"], latest["actor"]) == (f"mapping:{team}", "ada", "key")


@pytest.mark.parametrize("media_type", [TOML, "Application/TOML; charset=utf-8"])
async def test_a_mapping_may_be_toml(site: Site, key: str, media_type: str) -> None:
    """It is the same as in JSON, numbers exact, and counts at once."""
    answer = await put(site, key, WRITTEN, media_type)
    assert answer.status_code == 200, answer.text
    said = answer.json()["mapping"]
    (rule,), (event,) = said["rules"], said["events"]
    assert (said["presets"], rule["multiply"], rule["divide"]) == (["genai"], "0.1", "1")
    assert (rule["metric"], rule["where"], event["value"]) == ("jobs*", {"queue": ["!test", "a*"]}, "$.tokens")
    again = await put(site, key, said)
    assert (again.json()["mapping"], again.json()["version"]) == (said, 3)
    jobs = counter(at(0, since=-10, attributes=attributes(zone="eu", queue="ab")), name="jobs")
    await push_otlp(site, key, jobs)
    assert {str(value) for value in (await usage(site, key, "requests")).values()} == {"0.5"}


WRONG: list[tuple[dict[str, Any], str, str]] = [
    # named by the form of the document
    ({"rules": [RULE, {"meter": "requests"}]}, "invalid_body", "missing required field `metric` - at `$.rules[1]`"),
    ({"rules": [RULE | {"metric": 1}]}, "invalid_body", "Expected `str`, got `int` - at `$.rules[0].metric`"),
    ({"rules": [RULE | {"metric": ""}]}, "invalid_body", "length >= 1 - at `$.rules[0].metric`"),
    ({"rules": [RULE | {"mater": "x"}]}, "invalid_body", "unknown field `mater` - at `$.rules[0]`"),
    ({"rules": [RULE | {"where": {"a": 1}}]}, "invalid_body", "got `int` - at `$.rules[0].where[...]`"),
    ({"rules": [RULE | {"read": "sum"}]}, "invalid_body", "Invalid enum value 'sum' - at `$.rules[0].read`"),
    ({"rules": [RULE | {"field": "max"}]}, "invalid_body", "Invalid enum value 'max' - at `$.rules[0].field`"),
    ({"rules": [RULE | {"starts": "never"}]}, "invalid_body", "value 'never' - at `$.rules[0].starts`"),
    ({"rules": [RULE | {"divide": "x"}]}, "invalid_body", "decimal string - at `$.rules[0].divide`"),
    ({"rules": [RULE] * (MOST_RULES + 1)}, "invalid_body", f"length <= {MOST_RULES} - at `$.rules`"),
    ({"events": [EVENT | {"value": "tokens"}]}, "invalid_body", "as in $.tokens - at `$.events[0]`"),
    ({"events": [EVENT | {"member": "who"}]}, "invalid_body", "member: 'who' is no path as in $.model"),
    ({"rule": []}, "invalid_body", "unknown field `rule`"),
    # named by what there is
    ({"presets": ["genai", "nope"]}, "invalid_mapping", "presets: there is no 'nope'; there are cadvisor, collectd"),
    ({"rules": [RULE, {"metric": "m"}]}, "invalid_mapping", "rules[1].meter: say which meter it counts to, or"),
    ({"rules": [RULE | {"ignore": True}]}, "invalid_mapping", "rules[0].meter: say which meter it counts to, or"),
    ({"rules": [RULE | {"meter": "no"}]}, "invalid_mapping", "rules[0].meter: there is no meter 'no'; GET /v1/meters"),
    (
        {"rules": [RULE | {"dimensions": {"shard": "{a}"}}]},
        "invalid_mapping",
        "rules[0].dimensions: 'shard' is not declared by requests; it has direction, endpoint",
    ),
    ({"rules": [RULE | {"member": "{a"}]}, "invalid_mapping", "rules[0].member: '{a' has a brace without its twin"),
    ({"rules": [RULE | {"service": "a}"}]}, "invalid_mapping", "rules[0].service: 'a}' has a brace without its twin"),
    (
        {"rules": [RULE | {"dimensions": {"model": "{}"}}]},
        "invalid_mapping",
        "rules[0].dimensions.model: '{}' has a brace without its twin; write {label}, or {label|other}",
    ),
    *(
        ({"rules": [RULE | {field: number}]}, "invalid_mapping", f"rules[0].{field}: a number above 0, from")
        for field in ("multiply", "divide")
        for number in ("0", "-1", "NaN", "Infinity", "1e19", 0)
    ),
    (
        {"rules": [RULE | {"read": "gauge"}]},
        "invalid_mapping",
        "rules[0].read: readings of a gauge can't be added up to requests, a sum; count it as a level",
    ),
    (
        {"rules": [RULE | {"meter": "storage", "read": "counter"}]},
        "invalid_mapping",
        "rules[0].read: a counter makes no storage, which is a time_weighted; use a meter that adds up",
    ),
    ({"events": [EVENT, {"type": "t"}]}, "invalid_mapping", "events[1].meter: say which meter it counts to, or"),
    ({"events": [EVENT | {"meter": "no"}]}, "invalid_mapping", "events[0].meter: there is no meter 'no'"),
    (
        {"events": [EVENT | {"dimensions": {"shard": "=a"}}]},
        "invalid_mapping",
        "events[0].dimensions: 'shard' is not declared by requests",
    ),
]


@pytest.mark.parametrize(("mapping", "code", "said"), WRONG, ids=[f"{n}-{w[2][:30]}" for n, w in enumerate(WRONG)])
async def test_a_mapping_that_cant_be(site: Site, key: str, mapping: dict[str, Any], code: str, said: str) -> None:
    """The message names the place and what to write instead; nothing changes, and a trial says the same."""
    answer = await put(site, key, mapping)
    assert (answer.status_code, problem(answer)) == (400, code)
    assert said in answer.json()["detail"]
    assert (await get(site, key)).json()["version"] == 1
    async with site.client(key) as client:
        tried = await client.post(f"{PATH}/preview", json={"source": "otlp", "body": "", "mapping": mapping})
    assert problem(tried) == code
    assert said.partition(" - at")[0] in tried.json()["detail"]


@pytest.mark.parametrize(
    "mapping",
    [
        {"rules": [RULE | {"metric": "nul\0"}]},
        {"rules": [RULE | {"where": {"nul\0": ""}}]},
        {"rules": [RULE | {"where": {"a": ["nul\0"]}}]},
        {"rules": [RULE | {"service": "nul\0"}]},
        {"events": [EVENT | {"type": "nul\0"}]},
    ],
)
async def test_a_nul_is_in_no_mapping(site: Site, key: str, mapping: dict[str, Any]) -> None:
    """The database could not hold it, and no metric has it."""
    answer = await put(site, key, mapping)
    assert problem(answer) in {"invalid_mapping", "invalid_body"}
    assert "NUL" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"presets = [=\n", "line 1"),
        (b'[[rules]]\nmetric = "m"\nmetric = "n"\n', "line 3"),
        (b"\xff", "utf-8"),
        (b"[[rules]]\nmetric = 1", "Expected `str`, got `int` - at `$.rules[0].metric`"),
        (b'[[rules]]\nmetric = "m"', "rules[0].meter: say which meter"),
        (b"rules = 2026-11-20", "at `$.rules`"),
        (b"a = " + b"[" * 5_000, "rec"),
    ],
)
async def test_toml_that_cant_be(site: Site, key: str, text: bytes, said: str) -> None:
    """The message names the line, or the field."""
    answer = await put(site, key, text, TOML)
    assert (answer.status_code, problem(answer)) == (400, "invalid_mapping")
    assert said in answer.json()["detail"]


async def test_toml_is_taken_where_it_is_said_only(site: Site, key: str) -> None:
    """Elsewhere the body is JSON whatever its type."""
    assert problem(await put(site, key, WRITTEN, JSON)) == "invalid_body"
    async with site.client(key) as client:
        answer = await client.post("/v1/meters", content=b'slug = "a"', headers={"Content-Type": TOML})
    assert problem(answer) == "invalid_body"


async def test_presets_are_listed_and_can_be_a_teams_own_rules(site: Site, key: str) -> None:
    """Each names meters and dimensions of the catalogue as it is."""
    listed = {item["name"]: item["mapping"] for item in (await get(site, key, f"{PATH}/presets")).json()["items"]}
    assert listed.keys() == presets().keys()
    for name, mapping in listed.items():
        assert mapping["rules"]
        own = await put(site, key, mapping)
        assert own.status_code == 200, own.text
        named = await put(site, key, {"presets": [name]})
        assert named.status_code == 200, named.text


async def test_what_no_rule_takes_is_listed(site: Site, team: str) -> None:
    """By source and name, page by page: how much, why, and what is known of it; all points are somewhere."""
    broken = {
        "rules": [
            {"metric": "bytes*", "meter": "network"},
            {"metric": "old", "meter": "mine"},
            {"metric": "long", "meter": "requests", "dimensions": {"model": "{model}"}},
        ]
    }
    admin = await site.make_key(team, "admin")
    await site.post("/v1/meters", {"slug": "mine", "unit": "job", "aggregation": "sum"}, admin)
    key = await make_sender(site, broken, team)
    async with site.client(admin) as client:
        assert (await client.delete("/v1/meters/mine")).status_code == 204
    named = {"name": "long", "unit": "s", "gauge": {"dataPoints": [at(0, attributes=attributes(model="m" * 201))]}}
    metrics = [counter(at(0), at(1), name=f"other.{n}") for n in range(3)]
    await push_otlp(site, key, *metrics, counter(at(0), name="old"), gauge(at(0), name="bytes.level"), named)
    await push_otlp(site, key, *metrics)
    await push_rw(site, key, ({"__name__": "other.0", "job": "j"}, [sample()]))
    lone = json.dumps(HAPPENED | {"type": "other"}).encode()
    assert (await push(site, key, "/api/v1/events", lone, "application/cloudevents+json")).status_code == 204
    whole = (await get(site, key, f"{PATH}/unmapped")).json()["items"]
    assert [(item["source"], item["name"], item["reason"], item["points"]) for item in whole] == [
        ("cloudevents", "other", "no_rule", 1),
        ("otlp", "bytes.level", "not_countable", 1),
        ("otlp", "long", "string_too_long", 1),
        ("otlp", "old", "meter_archived", 1),
        *(("otlp", f"other.{n}", "no_rule", 4) for n in range(3)),
        ("prometheus", "other.0", "no_rule", 1),
    ]
    assert all(item["detail"] for item in whole)
    assert whole[1]["detail"].startswith("rules[0]: readings of a gauge can't be added up")
    assert (whole[4]["unit"], whole[4]["kind"], whole[4]["labels"]) == ("GB", "counter", {})
    assert whole[7]["labels"] == {"job": "j"}
    assert whole[4]["first_seen_at"] < whole[4]["last_seen_at"]
    for limit in (1, 3, 7):
        items: list[Any] = []
        more: dict[str, str] = {}
        while True:
            page = (await get(site, key, f"{PATH}/unmapped", limit=limit, **more)).json()
            assert len(page["items"]) <= limit
            items += page["items"]
            if page["next"] is None:
                break
            more = {"cursor": page["next"]}
        assert items == whole

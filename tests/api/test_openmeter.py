"""/api/v1/meters: made with its rule or not at all, listed, queried as OpenMeter's SDKs do, deleted with its rule."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from meter.mapping.rules import MOST_RULES
from tests.api.site import OPERATOR_KEY, Site, problem

TOKENS = {
    "slug": "tokens_total",
    "eventType": "prompt",
    "aggregation": "SUM",
    "valueProperty": "$.tokens",
    "groupBy": {"model": "$.model", "vendor": "$.by.vendor"},
    "name": "Tokens",
    "description": "what it is for",
    "metadata": {"unit": "token", "other": "x"},
}
DAY = "2026-11-20"
RANGE = {"from": "2026-11-20T00:00:00.000Z", "to": "2026-11-21T00:00:00.000Z"}
PATH = "/api/v1/meters/tokens_total"
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


@pytest.fixture(name="team")
async def fixture_team(site: Site) -> str:
    """Answer a team without meters of its own."""
    return await site.make_team()


@pytest.fixture(name="key")
async def fixture_key(site: Site, team: str) -> str:
    """Answer a key of all scopes of that team."""
    return await site.make_key(team, "ingest", "read", "admin")


async def send(
    site: Site, key: str, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Answer what one request is answered."""
    content = None if body is None else msgspec.json.encode(body)
    async with site.client(key, **(headers or {})) as client:
        return await client.request(method, path, content=content)


async def query(site: Site, key: str, path: str = PATH, **question: Any) -> list[dict[str, Any]]:
    """Answer the rows of a question that is answered."""
    named = {name.rstrip("_"): value for name, value in question.items()}
    async with site.client(key) as client:
        answer = await client.get(f"{path}/query", params=RANGE | named)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


def event(subject: str, hour: int = 8, **data: object) -> dict[str, Any]:
    """Answer an event as the SDKs send it."""
    at = f"{DAY}T{hour:02}:10:00Z"
    return {"id": uuid4().hex, "type": "prompt", "subject": subject, "source": "app", "time": at, "data": data}


async def ingest(site: Site, key: str, *events: dict[str, Any]) -> None:
    """Push events, all of which are taken."""
    answer = await send(site, key, "POST", "/api/v1/events", events, BATCH)
    assert answer.status_code == 204, answer.text


@pytest.fixture(name="counted")
async def fixture_counted(site: Site, key: str) -> str:
    """Answer the key of a team that has made the meter and sent four events."""
    await site.post("/api/v1/meters", TOKENS, key)
    await ingest(
        site,
        key,
        event("ann", tokens="1.5", model="small", by={"vendor": "x"}),
        event("ann", 9, tokens=2, model="large"),
        event("ben", 9, tokens=4, model="small"),
        event("ben", 23, tokens=8, model="small"),
    )
    return key


async def test_a_meter_is_made_with_its_rule(site: Site, team: str, key: str) -> None:
    """It is answered as it was said, one of the team's own, with a rule in the mapping; both are written down."""
    made = await site.post("/api/v1/meters", TOKENS, key)
    at = made["createdAt"]
    assert made == {
        **{name: TOKENS[name] for name in ("slug", "eventType", "aggregation", "valueProperty", "groupBy", "name")},
        "id": "tokens_total",
        "metadata": {"unit": "token"},
        "createdAt": at,
        "updatedAt": at,
    }
    ours = (await send(site, key, "GET", "/v1/meters/tokens_total")).json()
    assert (ours["own"], ours["billable"], ours["unit"], ours["title"]) == (True, False, "token", "Tokens")
    assert (ours["aggregation"], ours["dimensions"]) == ("sum", ["model", "vendor"])
    kept = (await send(site, key, "GET", "/v1/mapping")).json()
    assert kept["version"] == 2
    assert kept["mapping"]["presets"], "the usual ones stay"
    (rule,) = kept["mapping"]["events"]
    assert (rule["type"], rule["meter"], rule["value"]) == ("prompt", "tokens_total", "$.tokens")
    log = (await send(site, key, "GET", f"/v1/teams/{team}/audit")).json()["items"]
    assert {"meter.create", "mapping.change"} <= {entry["action"] for entry in log}


async def test_a_retry_makes_it_once(site: Site, key: str) -> None:
    """With an Idempotency-Key it hears the first answer; without, that there is such a meter, and no second rule."""
    headers = {"Idempotency-Key": "once"}
    answers = [await send(site, key, "POST", "/api/v1/meters", TOKENS, headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    again = await send(site, key, "POST", "/api/v1/meters", TOKENS)
    assert (problem(again), again.status_code) == ("meter_exists", 409)
    assert len((await send(site, key, "GET", "/v1/mapping")).json()["mapping"]["events"]) == 1


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"eventType": "prompt.*"}, "invalid_meter", "eventType"),
        ({"eventType": "!prompt"}, "invalid_meter", "eventType"),
        ({"eventType": "a\0b"}, "invalid_body", "eventType"),
        ({"valueProperty": None}, "invalid_meter", "valueProperty"),
        ({"valueProperty": "$..tokens"}, "invalid_meter", "valueProperty"),
        ({"valueProperty": "subject"}, "invalid_meter", "valueProperty"),
        ({"aggregation": "UNIQUE_COUNT", "valueProperty": "$.user.id"}, "invalid_meter", "top of the data"),
        ({"aggregation": "UNIQUE_COUNT", "valueProperty": None}, "invalid_meter", "valueProperty"),
        ({"aggregation": "P95"}, "invalid_body", "aggregation"),
        ({"groupBy": {"userId": "$.user"}}, "invalid_meter", "userId"),
        ({"groupBy": {"member": "$.user"}}, "invalid_meter", "member"),
        ({"groupBy": {"model": "model"}}, "invalid_meter", "groupBy.model"),
        ({"eventFrom": "2026-11-01T00:00:00Z"}, "invalid_meter", "eventFrom"),
        ({"metadata": {"unit": ""}}, "invalid_meter", "metadata.unit"),
        ({"slug": "Tokens"}, "invalid_body", "slug"),
        ({"groupBy": {"model": "$.a\0b"}}, "invalid_body", "groupBy"),
        ({"slug": "requests"}, "meter_exists", "catalogue"),
        ({"windowSize": "HOUR"}, "invalid_body", "windowSize"),
    ],
)
async def test_what_cannot_be_made_is_refused_whole(
    site: Site, key: str, changed: dict[str, Any], code: str, said: str
) -> None:
    """The refusal names what to change, and neither meter nor rule is there afterwards."""
    answer = await send(site, key, "POST", "/api/v1/meters", TOKENS | changed)
    assert problem(answer) == code
    assert said in answer.json()["detail"]
    assert (await send(site, key, "GET", "/v1/mapping")).json()["version"] == 1
    assert problem(await send(site, key, "GET", "/v1/meters/tokens_total")) == "unknown_meter"


async def test_a_full_mapping_makes_no_meter(site: Site, team: str, key: str) -> None:
    """The rule finds no room, so the meter is not made either."""
    rules = [{"type": f"t{number}", "ignore": True} for number in range(MOST_RULES)]
    full = await send(site, OPERATOR_KEY, "PUT", f"/v1/mapping?team={team}", {"events": rules})
    assert full.status_code == 200, full.text
    assert problem(await send(site, key, "POST", "/api/v1/meters", TOKENS)) == "invalid_mapping"
    assert problem(await send(site, key, "GET", "/v1/meters/tokens_total")) == "unknown_meter"


async def test_meters_are_listed_bare(site: Site, team: str, key: str) -> None:
    """Those that a rule of a plain type counts to, in the order and the pages asked for; archived ones if asked."""
    for slug, name in (("b", "X"), ("a", "Y"), ("c", "Z")):
        await site.post("/api/v1/meters", {"slug": slug, "eventType": slug, "aggregation": "COUNT", "name": name}, key)
    await site.post("/v1/meters", {"slug": "other", "unit": "x", "aggregation": "sum"}, key)
    assert (await send(site, key, "DELETE", "/v1/meters/c")).status_code == 204, "its rule is still there"

    async def slugs(question: str = "") -> list[str]:
        answer = await send(site, key, "GET", f"/api/v1/meters{question}")
        assert answer.status_code == 200, answer.text
        return [meter["slug"] for meter in answer.json()]

    assert await slugs() == ["a", "b"]
    assert await slugs("?orderBy=name&order=ASC") == ["b", "a"]
    assert await slugs("?orderBy=createdAt&order=DESC&includeDeleted=true") == ["c", "a", "b"]
    assert await slugs("?includeDeleted=true&page=2&pageSize=2") == ["c"]
    gone = (await send(site, key, "GET", "/api/v1/meters/c")).json()
    assert gone["deletedAt"] == gone["updatedAt"] > gone["createdAt"]
    assert problem(await send(site, key, "GET", "/api/v1/meters?pageSize=0")) == "invalid_parameter"
    assert problem(await send(site, key, "GET", "/api/v1/meters?limit=1")) == "invalid_parameter"
    assert problem(await send(site, key, "GET", "/api/v1/meters/other")) == "unknown_meter"
    assert (await send(site, OPERATOR_KEY, "GET", f"/api/v1/meters?team={team}")).json()[0]["slug"] == "a"
    assert problem(await send(site, OPERATOR_KEY, "GET", "/api/v1/meters")) == "invalid_parameter"


async def test_deleting_archives_and_takes_the_rule_away(site: Site, counted: str) -> None:
    """Its usage can still be queried; its events count to nothing more, and the name stays taken."""
    assert (await send(site, counted, "DELETE", PATH)).status_code == 204
    assert (await send(site, counted, "GET", "/v1/mapping")).json()["mapping"]["events"] == []
    assert (await send(site, counted, "GET", "/v1/meters/tokens_total")).json()["archived_at"]
    for method in ("GET", "DELETE"):
        assert problem(await send(site, counted, method, PATH)) == "unknown_meter"
    await ingest(site, counted, event("ann", tokens=100))
    assert [row["value"] for row in await query(site, counted)] == [15.5]
    assert problem(await send(site, counted, "POST", "/api/v1/meters", TOKENS)) == "meter_exists"


async def test_what_is_the_operators_stays(site: Site, team: str, key: str) -> None:
    """A rule to a meter of the catalogue, or to a billable one, lists it, and no team deletes it."""
    billed = {"slug": "gpu", "unit": "x", "aggregation": "sum", "billable": True}
    made = await send(site, OPERATOR_KEY, "POST", f"/v1/meters?team={team}", billed)
    assert made.status_code == 201
    rules = [{"type": slug, "meter": slug, "value": "$.n"} for slug in ("tokens.input", "gpu")]
    assert (await send(site, key, "PUT", "/v1/mapping", {"events": rules})).status_code == 200
    listed = (await send(site, key, "GET", "/api/v1/meters")).json()
    assert [meter["slug"] for meter in listed] == ["gpu", "tokens.input"]
    for slug in ("tokens.input", "gpu"):
        assert problem(await send(site, key, "DELETE", f"/api/v1/meters/{slug}")) == "forbidden"


async def test_a_query_without_windows_is_one_row_per_group(site: Site, counted: str) -> None:
    """Values are exact JSON numbers; a subject that is asked for is grouped by, as OpenMeter does it."""
    whole = {"windowStart": "2026-11-20T00:00:00Z", "windowEnd": "2026-11-21T00:00:00Z", "customerId": None}
    assert await query(site, counted) == [whole | {"value": 15.5, "subject": None, "groupBy": {}}]
    assert await query(site, counted, groupBy=["model", "vendor"]) == [
        whole | {"value": value, "subject": None, "groupBy": {"model": model, "vendor": vendor}}
        for model, vendor, value in (("large", None, 2), ("small", None, 12), ("small", "x", 1.5))
    ]
    assert await query(site, counted, subject=["ben", "nobody"]) == [
        whole | {"value": 12, "subject": "ben", "groupBy": {}}
    ]
    rows = await query(site, counted, subject=["ann", "ben"], groupBy=["model", "subject"])
    assert [(row["subject"], row["groupBy"], row["value"]) for row in rows] == [
        ("ann", {"model": "large"}, 2),
        ("ann", {"model": "small"}, 1.5),
        ("ben", {"model": "small"}, 12),
    ]


async def test_windows_are_those_of_the_zone(site: Site, counted: str) -> None:
    """Hours, days and months, by default of UTC; those without usage are left out."""
    hours = await query(site, counted, windowSize="HOUR")
    assert [(row["windowStart"][11:16], row["windowEnd"][11:16], row["value"]) for row in hours] == [
        ("08:00", "09:00", 1.5),
        ("09:00", "10:00", 6),
        ("23:00", "00:00", 8),
    ]
    days = await query(
        site,
        counted,
        windowSize="DAY",
        windowTimeZone="Asia/Kathmandu",
        from_="2026-11-19T18:15:00Z",
        to="2026-11-21T18:15:00Z",
    )
    assert [(row["windowStart"], row["value"]) for row in days] == [
        ("2026-11-19T18:15:00Z", 7.5),
        ("2026-11-20T18:15:00Z", 8),
    ]
    months = await query(site, counted, windowSize="MONTH", from_="2026-11-01T00:00:00Z", to="2026-12-01T00:00:00Z")
    assert [row["value"] for row in months] == [15.5]


@pytest.mark.parametrize(
    ("filters", "value"),
    [
        ("filterGroupBy[model]=small", 13.5),
        ("filterGroupBy%5Bmodel%5D=small&filterGroupBy[vendor]=x", 1.5),
        ("filterGroupBy[model]=small&filterGroupBy[model]=large", 15.5),
        ("filterGroupBy[vendor]=", 14),
        ("filterGroupBy={'model': 'small', 'vendor': \"x\"}", 1.5),
        ("filterGroupBy={'model': ['small', 'large']}", 15.5),
        ("filterGroupBy={'model': 'it\\'s'}", None),
        ("filterGroupBy={}", 15.5),
        ("clientId=me", 15.5),
    ],
)
async def test_filters_come_in_both_ways(site: Site, counted: str, filters: str, value: float | None) -> None:
    """A parameter per name, or one that holds a printed dict."""
    url = f"{PATH}/query?from={RANGE['from']}&to={RANGE['to']}&{filters}"
    answer = await send(site, counted, "GET", url)
    assert answer.status_code == 200, answer.text
    assert [row["value"] for row in answer.json()["data"]] == ([] if value is None else [value])


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("windowSize=MINUTE", "HOUR, DAY, MONTH"),
        ("windowSize=hours", "hours"),
        ("windowSize=DAY&windowTimeZone=Mars", "windowTimeZone"),
        ("from=yesterday", "from"),
        ("from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z", "from"),
        ("filterCustomerId=x", "filterCustomerId: is not supported"),
        ("advancedMeterGroupByFilters={}", "advancedMeterGroupByFilters: is not supported"),
        ("advancedMeterGroupByFilters[model][$eq]=x", "advancedMeterGroupByFilters: is not supported"),
        ("groupBy=customer_id", "customer_id"),
        ("groupBy=model&groupBy=model", "once"),
        ("groupBy=", "''"),
        ("filterGroupBy[color]=x", "color"),
        ("filterGroupBy=model", "filterGroupBy"),
        ("filterGroupBy={'model': {'a': 'b'}}", "filterGroupBy"),
        ("filterGroupBy={'model': 1}", "filterGroupBy"),
        ("filterGroupBy={'model': '\\x00'}", "NUL"),
        ("filterGroupBy={'model': '\\ud800'}", "NUL"),
        ("filterGroupBy={'model': '\\x0'}", "filterGroupBy"),
        ("filterGroupBy=" + "{" * 9_000, "filterGroupBy"),
        ("filtergroupby[model]=x", "is no parameter"),
        ("window=day", "is no parameter"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused(
    site: Site, counted: str, question: str, said: str
) -> None:
    """Nothing is passed over: the refusal names what can't be."""
    answer = await send(site, counted, "GET", f"{PATH}/query?{question}")
    assert problem(answer) == "invalid_parameter"
    assert said in answer.json()["detail"]


async def test_without_a_range_it_is_everything(site: Site, key: str) -> None:
    """From the window of the first day of use to the end of the present one; nothing before there was any."""
    await site.post("/api/v1/meters", TOKENS, key)
    answer = (await send(site, key, "GET", f"{PATH}/query")).json()
    assert answer == {"data": []}
    now = site.clock()
    first = now - timedelta(days=20)
    events = [event("ann", tokens=1) | {"time": at.isoformat()} for at in (first, now)]
    await ingest(site, key, *events)
    (row,) = (await send(site, key, "GET", f"{PATH}/query")).json()["data"]
    assert row["value"] == 2
    assert row["windowStart"] == first.strftime("%Y-%m-%dT00:00:00Z")
    assert row["windowEnd"] > now.isoformat()
    hours = (await send(site, key, "GET", f"{PATH}/query?windowSize=HOUR")).json()
    assert [row["windowStart"] for row in hours["data"]] == [at.strftime("%Y-%m-%dT%H:00:00Z") for at in (first, now)]
    assert hours.keys() == {"windowSize", "data"}
    before = (await send(site, key, "GET", f"{PATH}/query?to=2001-01-01T00:00:00Z")).json()
    assert before == {"to": "2001-01-01T00:00:00Z", "data": []}


async def test_a_body_asks_the_same(site: Site, counted: str) -> None:
    """POST takes the question in JSON, or nothing at all; unknown and unsupported fields are refused."""
    asked = RANGE | {"windowSize": "DAY", "groupBy": ["model"], "subject": ["ann"], "clientId": "me"}
    answer = await send(site, counted, "POST", f"{PATH}/query", asked | {"filterGroupBy": {"model": ["large", "x"]}})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "from": "2026-11-20T00:00:00Z",
        "to": "2026-11-21T00:00:00Z",
        "windowSize": "DAY",
        "data": [
            {
                "value": 2,
                "windowStart": "2026-11-20T00:00:00Z",
                "windowEnd": "2026-11-21T00:00:00Z",
                "subject": "ann",
                "customerId": None,
                "groupBy": {"model": "large"},
            }
        ],
    }
    async with site.client(counted, Accept="text/csv") as client:
        empty = await client.post(f"{PATH}/query")
    assert empty.text.splitlines()[1].endswith(",15.5")
    for body, code in (
        ({"filterCustomerId": ["x"]}, "invalid_parameter"),
        ({"advancedMeterGroupByFilters": {}}, "invalid_parameter"),
        ({"windowSize": "MINUTE"}, "invalid_parameter"),
        ({"filterGroupBy": {"model": ["a\0b"]}}, "invalid_parameter"),
        ({"filterGroupBy": {"model": "x"}}, "invalid_body"),
        ({"window": "day"}, "invalid_body"),
    ):
        assert problem(await send(site, counted, "POST", f"{PATH}/query", body)) == code
    assert problem(await send(site, counted, "POST", f"{PATH}/query?from=now")) == "invalid_parameter"


async def test_rows_come_as_csv(site: Site, counted: str) -> None:
    """Both ends of the window, the subject if grouped by it, the groups, the value."""
    question = f"{PATH}/query?from={RANGE['from']}&to={RANGE['to']}&windowSize=DAY&groupBy=model&subject=ann"
    answer = await send(site, counted, "GET", question, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert list(csv.reader(io.StringIO(answer.text))) == [
        ["window_start", "window_end", "subject", "model", "value"],
        ["2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", "ann", "large", "2"],
        ["2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", "ann", "small", "1.5"],
    ]
    known = {"Accept": "text/csv", "If-None-Match": answer.headers["etag"]}
    assert (await send(site, counted, "GET", question, headers=known)).status_code == 304
    assert (await send(site, counted, "GET", question, headers=known | {"Accept": "*/*"})).status_code == 200


@pytest.mark.parametrize(
    ("aggregation", "value"),
    [("SUM", 14), ("COUNT", 3), ("AVG", "4.666666666667"), ("MIN", 2), ("MAX", 8), ("LATEST", 4), ("UNIQUE_COUNT", 3)],
)
async def test_each_aggregation(site: Site, key: str, aggregation: str, value: float | str) -> None:
    """From its making over its events to its value."""
    made = await site.post("/api/v1/meters", TOKENS | {"aggregation": aggregation}, key)
    assert made["aggregation"] == aggregation
    assert made.get("valueProperty") == (None if aggregation == "COUNT" else "$.tokens")
    await ingest(site, key, *(event("ann", hour, tokens=n) for hour, n in ((8, 8), (9, 2), (10, 4))))
    answer = await send(site, key, "GET", f"{PATH}/query?from={RANGE['from']}&to={RANGE['to']}")
    assert f'"value":{value},' in answer.text, "a number to its last digit"


async def test_values_are_exact(site: Site, key: str) -> None:
    """More digits than a binary float has are kept, in JSON and CSV."""
    await site.post("/api/v1/meters", TOKENS, key)
    await ingest(site, key, event("ann", tokens="12345678901234567890.000000000001"), event("ann", tokens="0.2"))
    question = f"{PATH}/query?from={RANGE['from']}&to={RANGE['to']}"
    for accept in ("application/json", "text/csv"):
        answer = await send(site, key, "GET", question, headers={"Accept": accept})
        assert "12345678901234567890.200000000001" in answer.text


async def test_subjects_and_values_are_listed(site: Site, counted: str) -> None:
    """Those that occur, ever or in a range."""

    async def listed(path: str) -> Any:
        answer = await send(site, counted, "GET", f"{PATH}/{path}")
        return answer.json() if answer.is_success else problem(answer)

    assert await listed("subjects") == ["ann", "ben"]
    assert await listed(f"subjects?from={DAY}T20:00:00Z&to={DAY}T23:30:00Z") == ["ben"]
    assert await listed(f"subjects?to={DAY}T09:00:00Z") == ["ann"]
    assert await listed("subjects?from=2026-11-22T00:00:00Z&to=2026-11-21T00:00:00Z") == "invalid_parameter"
    assert await listed("group-by/model/values") == ["large", "small"]
    assert await listed("group-by/vendor/values") == ["x"]
    assert await listed("group-by/subject/values") == ["ann", "ben"]
    assert await listed("group-by/color/values") == "invalid_parameter"
    for path in ("subjects", "group-by/model/values", "query"):
        assert problem(await send(site, counted, "GET", f"/api/v1/meters/none/{path}")) == "unknown_meter"


async def test_a_member_sees_their_own(site: Site, team: str, counted: str) -> None:
    """Usage, subjects and values; another's are refused, and so is making meters."""
    ben = {"X-User-ID": "ben"}
    answer = await send(site, counted, "GET", f"{PATH}/query", headers=ben)
    assert [row["value"] for row in answer.json()["data"]] == [12]
    assert (await send(site, counted, "GET", f"{PATH}/subjects", headers=ben)).json() == ["ben"]
    assert (await send(site, counted, "GET", f"{PATH}/group-by/model/values", headers=ben)).json() == ["small"]
    assert problem(await send(site, counted, "GET", f"{PATH}/query?subject=ann", headers=ben)) == "forbidden"
    body = {"filterGroupBy": {"subject": ["ann"]}}
    assert problem(await send(site, counted, "POST", f"{PATH}/query", body, headers=ben)) == "forbidden"
    assert problem(await send(site, counted, "DELETE", PATH, headers=ben)) == "forbidden"
    assert problem(await send(site, counted, "POST", "/api/v1/meters", TOKENS, headers=ben)) == "forbidden"
    assert (await send(site, counted, "GET", PATH, headers=ben)).status_code == 200
    asked = await send(site, OPERATOR_KEY, "GET", f"{PATH}/query?team={team}&subject=ann")
    assert [row["value"] for row in asked.json()["data"]] == [3.5]

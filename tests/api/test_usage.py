"""GET /v1/usage over HTTP: filters, groups, meters, comparisons and forms, on usage small enough to add by hand."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import polars as pl
import pytest

from tests.api.site import Site, problem

# day of November, member, service, model, requests, tokens
PUSHED = [
    (2, "ann", "chat", "gpt-5", 4, 100),
    (2, "bob", "chat", "gpt-4", 2, 40),
    (3, "ann", "search", "small", 1, 7),
    (3, None, "chat", "gpt-5", 8, 30),
    (9, "ann", "chat", "gpt-5", 6, 50),
    (9, "=cmd()", "batch", "large", 1, 1),
]
NOVEMBER = {"from": "2026-11-01", "to": "2026-12-01"}


@pytest.fixture(name="asking")
async def fixture_asking(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of a team that has used what PUSHED says."""
    site.clock.ahead = datetime(2026, 11, 20, 12, tzinfo=UTC) - datetime.now(UTC)
    team = await site.make_team()
    key = await site.make_key(team, "ingest", "read")
    events = [
        {
            "id": f"{number}",
            "time": f"2026-11-{day:02}T10:00:00Z",
            "member": member,
            "service": service,
            "dimensions": {"model": model},
            "quantities": {"requests": requests, "tokens.input": tokens},
        }
        for number, (day, member, service, model, requests, tokens) in enumerate(PUSHED)
    ]
    await site.post("/v1/events", events, key)
    async with site.client(key) as client:
        yield client


async def items(client: httpx.AsyncClient, **question: Any) -> list[dict[str, Any]]:
    """Answer the items of a question about November's requests, unless it says otherwise."""
    answer = await client.get("/v1/usage", params={"meter": "requests", **NOVEMBER, **question})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ({}, 22),
        ({"member": "ann"}, 11),
        ({"member": ["ann", "bob"]}, 13),
        ({"member": ""}, 8),
        ({"member": ["", "bob"]}, 10),
        ({"member.not": "ann"}, 11),
        ({"member.not": ["ann", ""]}, 3),
        ({"model": "gpt-5"}, 18),
        ({"model.prefix": "gpt-"}, 20),
        ({"model.prefix": ["gpt-4", "sm"]}, 3),
        ({"model.not": ["gpt-5", "gpt-4"], "service": "search"}, 1),
        ({"service.prefix": "nothing"}, 0),
        ({"region": ""}, 22),
        ({"region.not": ""}, 0),
    ],
)
async def test_filters(asking: httpx.AsyncClient, question: dict[str, Any], expected: int) -> None:
    """Any of several, none of them, beginning with one; an empty value is usage without that label."""
    assert sum(int(item["quantity"]) for item in await items(asking, **question)) == expected


async def test_labels_of_any_characters_are_found_by_filters(asking: httpx.AsyncClient) -> None:
    """Quotes, backslashes, control characters and what looks like an expression are text; each finds itself alone."""
    odd = [
        '"',
        "\\",
        "\\u0041",
        '" || true || "',
        "a\nb\t\x01\x1f",
        "$.member",
        "\x7f\u2028\u2029",
        "é😀",
        "%",
        "_",
        '\\"' * 100,
    ]
    events = [
        {"id": f"odd{number}", "time": "2026-11-05T00:00:00Z", "meter": "requests", "quantity": 1, "service": text}
        for number, text in enumerate(odd)
    ]
    assert (await asking.post("/v1/events", json=events)).json()["accepted"] == len(odd)
    for text in odd:
        (item,) = await items(asking, group_by="service", service=text)
        assert (item["service"], item["quantity"]) == (text, "1")
        begun = await items(asking, group_by="service", **{"service.prefix": text})
        assert {item["service"] for item in begun} == {each for each in odd if each.startswith(text)}
        others = await items(asking, group_by="service", **{"service.not": text, "from": "2026-11-05"})
        assert {item["service"] for item in others} >= set(odd) - {text}
        assert text not in {item["service"] for item in others}


@pytest.mark.parametrize(
    "question",
    [
        {"model.like": "x"},
        {"colour": "red"},
        {"model.prefix": ""},
        {"group_by": "colour"},
        {"group_by": "model,model"},
        {"top": "3"},
        {"top": "0", "group_by": "model"},
        {"rolling": "7"},
        {"rolling": "9999", "window": "hour"},
        {"meter": "requests,requests"},
        {"aggregation": "time_weighted"},
        {"aggregation": "unique"},
        {"percentile": "50"},
        {"percentile": "100", "aggregation": "percentile"},
        {"meter": "cpu", "aggregation": "max"},
        {"compare": "fortnight"},
        {"from": "now-7x"},
        {"from": "1900-01-01", "to": "1900-02-01", "compare": "year"},
        {"format": "xml"},
        {f"model.{op}": "x" for op in ("not", "prefix")} | {f"d{n}": "x" for n in range(30)},
    ],
)
async def test_questions_that_are_refused(asking: httpx.AsyncClient, question: dict[str, Any]) -> None:
    """With what to change, before anything is read."""
    answer = await asking.get("/v1/usage", params={"meter": "requests", **NOVEMBER, **question})
    assert answer.status_code == 400, answer.text
    assert problem(answer) == "invalid_parameter"


async def test_the_largest_groups_and_the_rest(asking: httpx.AsyncClient) -> None:
    """The rest is one group, marked, and everything adds up; windows rank by the whole range."""
    found = await items(asking, group_by="model", top="1")
    assert [(item["model"], item["quantity"], item["other"]) for item in found] == [
        ("gpt-5", "18", False),
        (None, "4", True),
    ]
    daily = await items(asking, group_by="model", top="2", window="day")
    assert [(item["from"][8:10], item["model"], item["quantity"], item["other"]) for item in daily] == [
        ("02", "gpt-5", "4", False),
        ("02", "gpt-4", "2", False),
        ("03", "gpt-5", "8", False),
        ("03", None, "1", True),
        ("09", "gpt-5", "6", False),
        ("09", None, "1", True),
    ]
    everybody = await items(asking, group_by="model", top="10")
    assert [(item["model"], item["other"]) for item in everybody] == [
        (model, False) for model in ("gpt-5", "gpt-4", "large", "small")
    ]


async def test_several_meters_at_once(asking: httpx.AsyncClient) -> None:
    """Read in one snapshot; each item says which meter it is of."""
    answer = await asking.get("/v1/usage", params={"meter": "requests,tokens.input", **NOVEMBER, "window": "day"})
    document = answer.json()
    assert (document["meter"], document["unit"]) == (None, None)
    assert document["meters"] == [
        {"meter": "requests", "unit": "request", "aggregation": "sum"},
        {"meter": "tokens.input", "unit": "token", "aggregation": "sum"},
    ]
    assert [(item["from"][8:10], item["meter"], item["quantity"], item["unit"]) for item in document["items"]] == [
        ("02", "requests", "6", "request"),
        ("02", "tokens.input", "140", "token"),
        ("03", "requests", "9", "request"),
        ("03", "tokens.input", "37", "token"),
        ("09", "requests", "7", "request"),
        ("09", "tokens.input", "51", "token"),
    ]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ({"aggregation": "count"}, "6"),
        ({"aggregation": "min"}, "1"),
        ({"aggregation": "max"}, "8"),
        ({"aggregation": "average"}, "3.666666666667"),
        ({"aggregation": "latest"}, "6"),
        ({"aggregation": "percentile"}, "8"),
        ({"aggregation": "percentile", "percentile": "50"}, "2"),
        ({"aggregation": "percentile", "percentile": "50.1"}, "4"),
        ({"aggregation": "max", "to": "2026-11-03T10:00:00Z"}, "4"),
        ({"aggregation": "latest", "to": "2026-11-02T10:00:00.000001Z", "member": "bob"}, "2"),
        ({"aggregation": "min", "from": "2026-11-02T10:00:00.000001Z", "to": "2026-11-03T10:00:01Z"}, "1"),
    ],
)
async def test_the_same_events_otherwise_aggregated(
    asking: httpx.AsyncClient, question: dict[str, str], expected: str
) -> None:
    """From buckets, and from raw events where a bound cuts one."""
    answer = await asking.get("/v1/usage", params={"meter": "requests", **NOVEMBER, **question})
    document = answer.json()
    assert document["meters"][0]["aggregation"] == question["aggregation"]
    if question["aggregation"] == "latest" and "member" not in question:
        assert document["items"][0]["quantity"] in {"6", "1"}  # two events of the same last instant
    else:
        assert [item["quantity"] for item in document["items"]] == [expected]
    assert document["unit"] == ("event" if question["aggregation"] == "count" else "request")


async def test_items_of_all_meters_are_bounded_together(
    asking: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six of two meters are more than five."""
    monkeypatch.setattr("meter.usage.MAX_CELLS", 5)
    question = {"meter": "requests,tokens.input", **NOVEMBER, "window": "day"}
    assert (await asking.get("/v1/usage", params=question | {"to": "2026-11-04"})).is_success
    assert problem(await asking.get("/v1/usage", params=question | {"to": "2026-11-05", "compare": "day"})) == (
        "invalid_parameter"
    )


async def test_trailing_windows(asking: httpx.AsyncClient) -> None:
    """Each day's item reaches back over seven days, before the range too."""
    found = await items(asking, window="day", rolling="7", **{"from": "2026-11-08", "to": "2026-11-11"})
    assert [(item["from"][:10], item["to"][:10], item["quantity"]) for item in found] == [
        ("2026-11-02", "2026-11-09", "15"),
        ("2026-11-03", "2026-11-10", "16"),
        ("2026-11-04", "2026-11-11", "7"),
    ]
    largest = await items(
        asking, window="day", rolling="7", aggregation="max", **{"from": "2026-11-08", "to": "2026-11-11"}
    )
    assert [item["quantity"] for item in largest] == ["8", "8", "6"]


async def test_comparison_with_the_week_before(asking: httpx.AsyncClient) -> None:
    """Whole weeks are compared with as many weeks before; the change in percent, none over no base."""
    (item,) = await items(asking, compare="previous", **{"from": "2026-11-09", "to": "2026-11-16"})
    assert item["previous"] == {
        "from": "2026-11-02T00:00:00Z",
        "to": "2026-11-09T00:00:00Z",
        "quantity": "15",
        "events": 4,
    }
    assert (item["quantity"], item["change"], item["change_percent"]) == ("7", "-8", "-53.33")
    by_member = await items(asking, compare="week", group_by="member", **{"from": "2026-11-09", "to": "2026-11-16"})
    assert {item["member"]: (item["quantity"], item["previous"]["quantity"], item["change"]) for item in by_member} == {
        None: (None, "8", None),
        "=cmd()": ("1", None, None),
        "ann": ("6", "5", "1"),
        "bob": (None, "2", None),
    }
    days = await items(asking, compare="previous", window="day", **{"from": "2026-11-09", "to": "2026-11-11"})
    assert [(item["from"][8:10], item["previous"]["from"][8:10]) for item in days] == [("09", "07")]


async def test_an_unfinished_window_is_compared_with_as_much_of_an_earlier_one(asking: httpx.AsyncClient) -> None:
    """Each of three windows with the third before it, the last as far as it goes; `fill=zero` holds for both."""
    ragged = {"from": "2026-11-02", "to": "2026-11-04T12:00:00Z"}
    found = await items(asking, compare="previous", window="day", fill="zero", **ragged)
    assert [(item["quantity"], item["previous"], item["change"]) for item in found] == [
        (quantity, {"from": f"{lo}T00:00:00Z", "to": f"{hi}:00:00Z", "quantity": "0", "events": 0}, quantity)
        for quantity, lo, hi in (
            ("6", "2026-10-30", "2026-10-31T00"),
            ("9", "2026-10-31", "2026-11-01T00"),
            ("0", "2026-11-01", "2026-11-01T12"),
        )
    ]


async def test_pages_go_on_where_they_ended_though_more_is_counted(site: Site, asking: httpx.AsyncClient) -> None:
    """No item twice and none left out when groups come before the place and `now` moves on; each of one range."""
    question = {"meter": "requests,tokens.input", "from": "now-20d", "to": "now", "window": "day", "group_by": "member"}
    first = (await asking.get("/v1/usage", params={**question, "limit": "3"})).json()
    site.clock.ahead += timedelta(days=1)
    quantities = {"requests": 1, "tokens.input": 1}
    added = {"id": "new", "time": "2026-11-02T11:00:00Z", "quantities": quantities, "member": "aaron"}
    assert not (await asking.post("/v1/events", json=added)).json()["rejected"]
    seen, cursor = first["items"], first["next"]
    while cursor:
        answer = (await asking.get("/v1/usage", params={**question, "limit": "1", "cursor": cursor})).json()
        assert (answer["from"], answer["to"]) == (first["from"], first["to"])
        seen += answer["items"]
        cursor = answer["next"]
    assert [(item["from"][8:10], item["meter"], item["member"]) for item in seen] == [
        (day, meter, member)
        for day, members in (("02", ("ann", "bob")), ("03", (None, "ann")), ("09", ("=cmd()", "ann")))
        for meter in ("requests", "tokens.input")
        for member in members
    ]


@pytest.mark.parametrize("form", ["arrow", "parquet"])
async def test_columns_keep_their_kinds_without_any_data(asking: httpx.AsyncClient, form: str) -> None:
    """Files of many days fit together, those of days without usage too."""
    question = {"group_by": "model", "top": "1", "compare": "day", "format": form}

    async def schema(**more: str) -> pl.Schema:
        answer = await asking.get("/v1/usage", params={"meter": "requests", **NOVEMBER, **question, **more})
        return (pl.read_ipc_stream if form == "arrow" else pl.read_parquet)(answer.content).schema

    full = await schema()
    assert full["quantity"] == full["previous_quantity"] == pl.Decimal(38, 12)
    assert await schema(model="none") == full
    assert await schema(model="small", fill="null", **{"from": "2026-11-05"}) == full


async def test_gaps_hold_the_last_value_where_asked(asking: httpx.AsyncClient) -> None:
    """Nothing before the first one."""
    found = await items(asking, window="day", fill="previous", **{"from": "2026-11-01", "to": "2026-11-05"})
    assert [(item["quantity"], item["events"]) for item in found] == [(None, 0), ("6", 2), ("9", 2), ("9", 0)]


async def test_relative_instants(asking: httpx.AsyncClient) -> None:
    """`now` and what lies before it, by our clock."""
    found = await items(asking, **{"from": "now-12d", "to": "now"})
    assert [item["quantity"] for item in found] == ["7"]


async def test_rows_in_every_form_say_the_same(asking: httpx.AsyncClient) -> None:
    """CSV, NDJSON, Arrow and Parquet against JSON; all of them whole, where JSON has a page."""
    question = {"meter": "requests", **NOVEMBER, "window": "day", "group_by": "member", "compare": "day"}
    expected = [
        (item["from"], item["member"], item["quantity"], item["previous"]["quantity"])
        for item in (await asking.get("/v1/usage", params=question)).json()["items"]
    ]

    async def ask(accept: str, form: str | None = None) -> httpx.Response:
        named = {"format": form} if form else {}
        answer = await asking.get("/v1/usage", params=question | named | {"limit": "1"}, headers={"Accept": accept})
        assert answer.status_code == 200, answer.text
        return answer

    rows = list(csv.DictReader(io.StringIO((await ask("text/csv")).text)))
    assert [
        (
            row["from"],
            row["member"].removeprefix("'") or None,
            row["quantity"] or None,
            row["previous_quantity"] or None,
        )
        for row in rows
    ] == expected
    assert "'=cmd()" in [row["member"] for row in rows]
    lines = [json.loads(line) for line in (await ask("application/x-ndjson")).text.splitlines()]
    assert [
        (line["from"], line["member"], line["quantity"], line["previous"]["quantity"]) for line in lines
    ] == expected
    for frame in (
        pl.read_ipc_stream((await ask("application/vnd.apache.arrow.stream")).content),
        pl.read_parquet((await ask("*/*", "parquet")).content),
    ):
        assert frame.schema["quantity"] == pl.Decimal(38, 12)
        assert frame.schema["from"] == pl.Datetime("us", "UTC")
        found = frame.select("from", "member", "quantity", "previous_quantity").rows()
        assert [(when.isoformat().replace("+00:00", "Z"), who, *how) for when, who, *how in found] == [
            (when, who, *(None if number is None else Decimal(number) for number in how))
            for when, who, *how in expected
        ]


async def test_an_answer_is_not_sent_twice(asking: httpx.AsyncClient) -> None:
    """304 for the tag of the same answer; another answer as soon as anything is counted."""
    question = {"meter": "requests", **NOVEMBER}
    first = await asking.get("/v1/usage", params=question)
    again = await asking.get("/v1/usage", params=question, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    text = await asking.get(
        "/v1/usage", params=question, headers={"Accept": "text/csv", "If-None-Match": first.headers["etag"]}
    )
    assert text.status_code == 200
    pushed = await asking.post(
        "/v1/events", json={"id": "more", "time": "2026-11-04T00:00:00Z", "meter": "requests", "quantity": 1}
    )
    assert pushed.json()["accepted"] == 1
    changed = await asking.get(
        "/v1/usage", params=question, headers={"If-None-Match": f'"other", {first.headers["etag"]}'}
    )
    assert changed.status_code == 200
    assert changed.json()["items"][0]["quantity"] == "23"


async def test_billing_periods_are_windows(asking: httpx.AsyncClient) -> None:
    """Months from the anchor day of the team's plan, in the team's zone whatever `tz` says."""
    found = await items(
        asking,
        window="period",
        tz="Asia/Kathmandu",
        fill="zero",
        **{"from": "2026-10-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"},
    )
    assert [(item["from"], item["to"], item["quantity"]) for item in found] == [
        ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", "0"),
        ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", "22"),
    ]


async def test_meters_that_count_different_values_and_take_percentiles(site: Site) -> None:
    """Exact from raw events, in each window and group of its own and over all of them together."""
    site.clock.ahead = datetime(2026, 11, 20, 12, tzinfo=UTC) - datetime.now(UTC)
    key = await site.make_key(await site.make_team(), "ingest", "read", "admin")
    for made in (
        {"slug": "sessions", "unit": "session", "aggregation": "unique", "unique_of": "attributes.session"},
        {"slug": "people", "unit": "person", "aggregation": "unique", "unique_of": "member"},
        {"slug": "latency", "unit": "ms", "aggregation": "percentile", "percentile": "90"},
    ):
        await site.post("/v1/meters", {"title": "T", "dimensions": ["region"], **made}, key)
    seen = [
        (2, "a", "ann", "eu"),
        (2, "b", "bob", "eu"),
        (3, "a", "ann", "us"),
        (3, "c", "ann", "us"),
        (3, "a", "cy", "eu"),
    ]
    events = []
    for number, (day, session, member, region) in enumerate(seen):
        common = {"time": f"2026-11-{day:02}T10:00:00Z", "member": member, "dimensions": {"region": region}}
        attributes = {"attributes": {"session": session}}
        events += [
            {"id": f"s{number}", "meter": "sessions", **common, **attributes},
            {"id": f"p{number}", "meter": "people", **common},
            {"id": f"l{number}", "meter": "latency", "quantity": 10 * number, **common},
        ]
    assert (await site.post("/v1/events", events, key))["accepted"] == len(events)
    async with site.client(key) as client:

        async def ask(meter: str, **question: str) -> list[str]:
            return [item["quantity"] for item in await items(client, meter=meter, **question)]

        assert await ask("sessions") == ["3"]
        assert await ask("sessions", window="day") == ["2", "2"]
        assert await ask("sessions", group_by="region") == ["2", "2"]
        assert await ask("people") == ["3"]
        assert await ask("people", window="day", rolling="2", to="2026-11-04") == ["2", "3"]
        assert await ask("people", **{"member.prefix": "a"}) == ["1"]
        assert await ask("people", aggregation="count") == ["5"]
        assert await ask("latency") == ["40"]
        assert await ask("latency", percentile="50", aggregation="percentile") == ["20"]
        assert await ask("latency", group_by="region", top="1") == ["40", "30"]

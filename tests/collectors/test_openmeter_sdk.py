"""OpenMeter's SDKs, as they are, make meters, send events and query: the totals are those of what was sent, once."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from corehttp.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from openmeter import Client as Sdk
from openmeter.aio import Client as AsyncSdk
from openmeter.models import Event as SdkEvent
from openmeter.models import Meter, MeterCreate, MeterQueryRequest, MeterQueryRow, WindowSize

from tests.collectors.openmeter import (
    FIRST,
    METER,
    MODELS,
    RANGE,
    Event,
    Npm,
    Refused,
    batches,
    events,
    npm_sdk,
    send_through_a_kill,
    total,
    totals,
)
from tests.served import Client, Service, make_team, serving

pytestmark = pytest.mark.slow
FROM, TO = (at.isoformat() for at in RANGE)
SLUG = METER["slug"]


@pytest.fixture(name="service")
def fixture_service(database: str, tmp_path: Path) -> Iterator[Service]:
    """Answer a running service."""
    with serving(database, tmp_path) as service:
        yield service
        assert "ERROR" not in service.log()


@pytest.fixture(name="client")
def fixture_client(service: Service) -> Client:
    """Answer a team with a key of all scopes."""
    return make_team(service.url)


@pytest.fixture(name="sdk")
def fixture_sdk(client: Client) -> Iterator[Sdk]:
    """Answer the Python SDK with that key."""
    with Sdk(endpoint=client.url, token=client.key) as sdk:
        yield sdk


@pytest.fixture(name="npm")
def fixture_npm(client: Client, node_project: Path) -> Iterator[Npm]:
    """Answer the npm SDK with that key."""
    with npm_sdk(client, node_project) as npm:
        yield npm


def made(sdk: Sdk) -> Meter:
    """Make the meter."""
    return sdk.meters.create(MeterCreate(METER))


def typed(sent: Sequence[Event]) -> list[SdkEvent]:
    """Answer events as the SDK has them."""
    return [SdkEvent(each) for each in sent]


def by_subject_and_model(rows: Sequence[MeterQueryRow]) -> dict[tuple[str, str], Decimal]:
    """Answer the rows as the test reckons them."""
    return {(row.subject, row.group_by["model"]): Decimal(str(row.value)) for row in rows}


def test_python_makes_shows_lists_and_deletes_meters(sdk: Sdk, client: Client) -> None:
    """Each call answers what the SDK can read, and raises what it raises for OpenMeter's own refusals."""
    meter = made(sdk)
    assert (meter.id, meter.slug, meter.event_type, meter.aggregation) == (SLUG, SLUG, "prompt", "SUM")
    assert (meter.value_property, meter.group_by) == ("$.tokens", {"model": "$.model"})
    assert abs(meter.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert sdk.meters.get(SLUG) == meter
    sdk.meters.create(MeterCreate(METER | {"slug": "users", "aggregation": "UNIQUE_COUNT", "valueProperty": "$.user"}))
    assert [each.slug for each in sdk.meters.list(page=1, page_size=10, order="DESC", order_by="key")] == [
        "users",
        SLUG,
    ]
    with pytest.raises(ResourceExistsError):
        made(sdk)
    with pytest.raises(HttpResponseError) as refused:
        sdk.meters.create(MeterCreate(METER | {"slug": "other", "eventType": "*"}))
    assert "eventType" in str(refused.value.model)
    sdk.meters.delete(SLUG)
    with pytest.raises(ResourceNotFoundError):
        sdk.meters.get(SLUG)
    assert [each.slug for each in sdk.meters.list()] == ["users"]
    assert [rule["meter"] for rule in client.get("/v1/mapping")["mapping"]["events"]] == ["users"]


def test_python_counts_what_it_sends(sdk: Sdk, client: Client) -> None:
    """One event, a batch, and JSON; sent again changes nothing; what is queried is what was sent, to the digit."""
    made(sdk)
    sent = events(50)
    for _ in range(2):
        sdk.events.ingest_event(typed(sent)[0])
        sdk.events.ingest_events(typed(sent[1:30]))
        sdk.events.ingest_events_json(typed(sent[30:]))
        (row,) = sdk.meters.query_json(SLUG).data
        assert Decimal(str(row.value)) == total(sent)
        whole = sdk.meters.query_json(SLUG, from_parameter=RANGE[0], to=RANGE[1], group_by=["subject", "model"])
        assert (whole.from_property, whole.to) == RANGE
        assert by_subject_and_model(whole.data) == totals(sent)
    assert client.usage(meter=SLUG, from_=FROM, to=TO)[0]["events"] == len(sent)
    assert list(sdk.meters.list_subjects(SLUG)) == ["ann", "ben", "cleo"]
    assert list(sdk.meters.list_group_by_values(SLUG, "model", from_parameter=RANGE[0])) == ["large", "small"]


def test_python_asks_in_every_way(sdk: Sdk) -> None:
    """JSON and CSV, GET and POST, windows and filters: the same numbers."""
    made(sdk)
    sent = events(50)
    sdk.events.ingest_events(typed(sent))
    small = [each for each in sent if each["data"]["model"] == MODELS[0] and each["subject"] == "ann"]
    question: dict[str, Any] = {
        "from_parameter": RANGE[0],
        "to": RANGE[1],
        "window_size": WindowSize.HOUR,
        "window_time_zone": "Europe/Paris",
        "subject": ["ann"],
        "filter_group_by": {"model": MODELS[0]},
        "group_by": ["model"],
        "client_id": "me",
    }
    got = sdk.meters.query_json(SLUG, **question)
    (row,) = got.data
    assert (row.window_start, row.window_end) == (FIRST, FIRST + timedelta(hours=1))
    assert by_subject_and_model(got.data) == {("ann", MODELS[0]): total(small)}
    rows = list(csv.DictReader(io.StringIO(sdk.meters.query_csv(SLUG, **question))))
    (line,) = rows
    assert (line["subject"], line["model"], Decimal(line["value"])) == ("ann", MODELS[0], total(small))
    body = MeterQueryRequest(
        from_property=RANGE[0], to=RANGE[1], subject=["ann"], filter_group_by={"model": [MODELS[0]]}, group_by=["model"]
    )
    posted = sdk.meters.query(SLUG, body)
    assert by_subject_and_model(posted.data) == {("ann", MODELS[0]): total(small)}
    (everything,) = csv.DictReader(io.StringIO(sdk.meters.query_csv_post(SLUG)))
    assert Decimal(everything["value"]) == total(sent)


def test_python_is_told_what_is_not_supported(sdk: Sdk) -> None:
    """A refusal with its reason in the SDK's own exception, never a number that means something else."""
    made(sdk)
    for question, said in (
        ({"window_size": "MINUTE"}, "HOUR, DAY, MONTH"),
        ({"filter_customer_id": ["x"]}, "filterCustomerId"),
        ({"advanced_meter_group_by_filters": {"model": {"$eq": "x"}}}, "advancedMeterGroupByFilters"),
        ({"filter_group_by": {"color": "x"}}, "color"),
    ):
        with pytest.raises(HttpResponseError) as refused:
            sdk.meters.query_json(SLUG, **question)
        assert said in str(refused.value.model)


async def test_python_does_it_asynchronously(client: Client) -> None:
    """The other client of the package."""
    sent = events(20)
    async with AsyncSdk(endpoint=client.url, token=client.key) as sdk:
        await sdk.meters.create(MeterCreate(METER))
        await sdk.events.ingest_events(typed(sent))
        (row,) = (await sdk.meters.query_json(SLUG)).data
        await sdk.meters.delete(SLUG)
    assert Decimal(str(row.value)) == total(sent)


def test_python_through_a_kill(service: Service, sdk: Sdk) -> None:
    """The service is killed while the SDK sends: it sends again, and every event is counted once."""
    made(sdk)
    sent = events(1_000)
    send_through_a_kill(service, lambda part: sdk.events.ingest_events(typed(part)), batches(sent, 5))
    assert by_subject_and_model(sdk.meters.query_json(SLUG, group_by=["subject", "model"]).data) == totals(sent)


def test_npm_makes_shows_lists_and_deletes_meters(npm: Npm) -> None:
    """Each call answers, and raises with the reason that the problem document gives."""
    meter = npm("meters.create", METER)
    assert {name: meter[name] for name in METER} == METER
    assert npm("meters.get", SLUG) == meter
    assert npm("meters.list") == [meter]
    for path, arguments, status, said in (
        ("meters.create", [METER], 409, SLUG),
        ("meters.create", [{**METER, "slug": "other", "eventType": "*"}], 400, "eventType"),
        ("meters.get", ["none"], 404, "none"),
        ("meters.query", [SLUG, {"windowSize": "MINUTE"}], 400, "HOUR, DAY, MONTH"),
        ("meters.query", [SLUG, {"advancedMeterGroupByFilters": {"model": "x"}}], 400, "advancedMeterGroupByFilters"),
    ):
        with pytest.raises(Refused, match=said) as refused:
            npm(path, *arguments)
        assert (refused.value.name, refused.value.status) == ("HTTPError", status)
    npm("meters.delete", SLUG)
    assert npm("meters.list") == []


def npm_totals(npm: Npm, method: str, **question: object) -> dict[tuple[str, str], Decimal]:
    """Answer what a query of the npm SDK says."""
    asked = {"from": FROM, "to": TO, "groupBy": ["subject", "model"], **question}
    rows = npm(method, SLUG, asked)["data"]
    return {(row["subject"], row["groupBy"]["model"]): Decimal(str(row["value"])) for row in rows}


def test_npm_counts_what_it_sends(npm: Npm) -> None:
    """One event and a batch, sent again too; GET and POST, filtered by subject and group, in windows."""
    npm("meters.create", METER)
    sent = events(50)
    for _ in range(2):
        npm("events.ingest", sent[0])
        npm("events.ingest", sent[1:])
        for method in ("meters.query", "meters.queryPost"):
            assert npm_totals(npm, method) == totals(sent)
    ann = {key: value for key, value in totals(sent).items() if key == ("ann", MODELS[1])}
    chosen = {"subject": ["ann", "nobody"], "windowSize": "DAY"}
    assert npm_totals(npm, "meters.query", filterGroupBy={"model": MODELS[1]}, **chosen) == ann
    assert npm_totals(npm, "meters.queryPost", filterGroupBy={"model": [MODELS[1]]}, **chosen) == ann
    assert npm("meters.listGroupByValues", SLUG, "model", {"from": FROM}) == ["large", "small"]
    (row,) = npm("meters.query", SLUG)["data"]
    assert Decimal(str(row["value"])) == total(sent)


def test_npm_through_a_kill(service: Service, npm: Npm) -> None:
    """The service is killed while the SDK sends: its user sends again, and every event is counted once."""
    npm("meters.create", METER)
    sent = events(1_000)
    send_through_a_kill(service, lambda part: npm("events.ingest", part), batches(sent, 5))
    assert npm_totals(npm, "meters.query") == totals(sent)

"""Worked cases through the API of a running service: those of this folder, and the shared file where it lies."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import cast

import pytest

from tests.cases.case import Case, Expected, cases_of
from tests.cases.families import FAMILIES
from tests.cases.question import Answer, Body
from tests.cases.run import asks, outcomes, report
from tests.conftest import _database
from tests.served import Client, serving

OWN = Path(__file__).with_name("own.json")
SHARED = Path(os.environ.get("METER_TEST_CASES", Path(__file__).parents[3] / "shared" / "data" / "pricing-cases.json"))
# Shared cases that we answer otherwise, on purpose; the run says why.
ARGUED = {"om-conv-08", "om-pror-07", "om-pror-08"}


@pytest.fixture(scope="module", name="client")
def fixture_client(
    postgres_server: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """Answer the operator at a running service."""
    with (
        _database(postgres_server, postgres_template) as url,
        serving(url, tmp_path_factory.mktemp("cases")) as service,
    ):
        yield Client(service.url)


def test_our_own_cases(client: Client) -> None:
    """Each model and each key of the grammar; those that say so are argued, one is later, the rest pass."""
    cases, wanted = cases_of(OWN), json.loads(OWN.read_text("utf-8"))["cases"]
    found = list(outcomes(cases, asks(client)))
    argued = {each["id"] for each in wanted if each["notes"].startswith("ARGUED")}
    assert {each.id for each in found if each.kind == "argued"} == argued
    assert {each.id for each in found if each.kind == "later"} == {"later-weighted"}
    assert [each for each in found if each.kind == "failed"] == [], report(found)
    assert {case.model for case in cases} >= FAMILIES.keys()


def test_a_wrong_cent_is_seen(client: Client) -> None:
    """Every number that our own cases expect is looked at: changed, its case does not pass."""
    answers: dict[bytes, Answer] = {}

    def ask(body: Body) -> Answer:
        key = json.dumps(body).encode()
        if key not in answers:
            answers[key] = asks(client)(body)
        return answers[key]

    changed = [each for case in cases_of(OWN) if case.model in FAMILIES for each in _changed(case)]
    assert len(changed) > 100
    blind = [
        (each.id, each.expected)
        for each, found in zip(changed, outcomes(changed, ask), strict=True)
        if found.kind == "passed"
    ]
    assert blind == []


def _changed(case: Case) -> Iterator[Case]:
    """The case once for each expected text, which is then another one."""
    for at in range(_texts(case.expected)):
        expected = cast("Expected", _spoilt(case.expected, at, count()))
        yield Case(case.id, case.model, case.price_definition, case.usage_given, expected)


def _texts(value: object) -> int:
    """How many texts there are in it."""
    if isinstance(value, dict):
        return sum(map(_texts, value.values()))
    return sum(map(_texts, value)) if isinstance(value, list) else 1


def _spoilt(value: object, at: int, places: Iterator[int]) -> object:
    """The same with another text at a place."""
    if isinstance(value, dict):
        return {name: _spoilt(each, at, places) for name, each in value.items()}
    if isinstance(value, list):
        return [_spoilt(each, at, places) for each in value]
    return f"1{value}" if next(places) == at else value


@pytest.mark.skipif(not SHARED.exists(), reason="the shared cases are not beside this tree: set METER_TEST_CASES")
def test_the_shared_cases(client: Client) -> None:
    """Every case of other systems that belongs to rating comes out as they say, or is argued."""
    found = list(outcomes(cases_of(SHARED), asks(client)))
    assert [each for each in found if each.kind == "failed"] == [], report(found)
    assert {each.id for each in found if each.kind == "argued"} == ARGUED
    assert sum(each.kind == "passed" for each in found) >= 105

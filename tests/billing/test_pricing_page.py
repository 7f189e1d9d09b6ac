"""docs/pricing.md through the API: every demo plan of the page, and the question of every model, over real HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from meter.rating.models import MODELS
from tests.conftest import _database
from tests.rating.test_pricing_doc import PAGE, Example, examples, table
from tests.served import Client, serving

PATH = "/v1/billing/calculate"
BLOCK = re.compile(r"<!-- run: (\w+) -->\n```json\n(.*?)```\n(.*?)(?=^## |^### |<!-- run|\Z)", re.MULTILINE | re.DOTALL)


class Question(NamedTuple):
    """A question of the page, and the tables under it."""

    name: str
    body: dict[str, Any]
    lines: list[list[str]]
    document: list[list[str]]


def questions() -> list[Question]:
    """Every question of the page."""
    return [
        Question(name, json.loads(body), table(rest, "line"), table(rest, "document"))
        for name, body, rest in BLOCK.findall(PAGE)
    ]


@pytest.fixture(scope="module", name="client")
def fixture_client(
    postgres_server: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """Answer the operator at a running service."""
    directory: Path = tmp_path_factory.mktemp("pricing")
    with _database(postgres_server, postgres_template) as url, serving(url, directory) as service:
        yield Client(service.url)


def test_every_model_has_its_question() -> None:
    """A new model is not done without one."""
    asked = {price.get("model", "per_unit") for each in questions() for price in each.body["prices"].values()}
    assert asked == {model.NAME for model in MODELS}
    headings = set(re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE))
    assert headings == {model.NAME for model in MODELS}


@pytest.mark.parametrize("question", questions(), ids=lambda question: question.name)
def test_a_question_of_the_page(question: Question, client: Client) -> None:
    """Name, cell, billed quantity and amount of each line, the total, and the sums of the whole invoice."""
    answer = client.post(PATH, question.body)
    assert [
        [f"{line['price']} {line['cell']}".replace(",", "").strip(), line["billed_quantity"], line["amount"]]
        for line in answer["lines"]
    ] == [[name, billed, amount] for name, billed, _, amount in question.lines[:-1]]
    assert question.lines[-1] == ["total", "", "", answer["total"]]
    assert answer["unpriced"] == []
    assert bool(question.document) is (answer["document"] is not None)
    assert {row[0]: row[2] for row in question.document} == {
        row[0]: answer["document"][row[0]] for row in question.document
    }


@pytest.mark.parametrize("example", examples(), ids=str)
def test_a_demo_plan_of_the_page(example: Example, client: Client) -> None:
    """The same lines, total and members as the page has by hand."""
    usage = [
        {
            "meter": row.meter,
            "quantity": f"{row.quantity:f}",
            "member": row.member,
            "service": row.service,
            "measure": row.measure,
        }
        for row in example.usage
    ]
    answer = client.post(PATH, {"plan": f"{example.book}/{example.plan}", "usage": usage})
    minimum = {"minimum": " minimum"}
    assert [
        [
            line["price"] + minimum.get(line["kind"], ""),
            line["quantity"],
            line["included"],
            line["billed_quantity"],
            line["amount"],
        ]
        for line in answer["lines"]
    ] == [[*row[:4], row[5]] for row in example.lines[:-1]]
    assert answer["total"] == example.lines[-1][5]
    assert answer["unpriced"] == []
    if example.members:
        assert [[row["member"] or "nobody", row["amount"]] for row in answer["members"]] == [
            [row[0], row[2]] for row in example.members
        ]

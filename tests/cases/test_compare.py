"""The comparison fails where it should, and what nobody understands is a failure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.cases import __main__ as command
from tests.cases.case import Case, UnreadableFileError, cases_of
from tests.cases.compare import Figure, Found, differences
from tests.cases.families import FAMILIES, LATER
from tests.cases.question import WORDS, Answer, Body
from tests.cases.run import LAST_DIGIT, RefusedError, outcome

UNIT = {"unit_amount": "10"}


@pytest.mark.parametrize(
    ("figure", "expected", "met"),
    [
        (Figure(Decimal("7.4")), "7.4", True),
        (Figure(Decimal("7.4")), "7.40", True),
        (Figure(Decimal("7.4")), "7", False),
        (Figure(Decimal("7.4"), Decimal(7)), "7", True),
        (Figure(Decimal("7.44")), "7.4", False),
        (Figure(Decimal("7.445")), "7.45", True),
        (Figure(Decimal("7.445")), "7.44", False),
        (Figure(Decimal("0.6666666667")), "0.67", True),
        (Figure(Decimal("0.6666666667")), "0.66", False),
        (Figure(Decimal("51.2345"), Decimal("51.23")), "51.2345", True),
        (Figure(Decimal("51.2345"), Decimal("51.23")), "51.24", False),
        (Figure(Decimal(100)), "100.01", False),
        (Figure(Decimal(100)), "nan", False),
        (Figure(Decimal(100)), "a hundred", False),
        (Figure(Decimal("57.142857142857142857"), coarsest=1), "57.14285714285714", True),
        (Figure(Decimal("57.142857142857142857"), coarsest=1), "57.14285714285715", False),
    ],
)
def test_a_number_is_met_exactly_or_at_its_own_decimals(figure: Figure, expected: str, *, met: bool) -> None:
    """Rounding is allowed where they printed decimals of money, and never further than those."""
    assert figure.meets(expected) is met


@pytest.mark.parametrize(
    ("expected", "found", "places"),
    [
        ({"total": "1"}, {"total": Figure(Decimal(1))}, []),
        ({"total": "2"}, {"total": Figure(Decimal(1))}, ["total"]),
        ({"total": "1", "tax": "0"}, {"total": Figure(Decimal(1))}, ["tax"]),
        ({"total": 1}, {"total": Figure(Decimal(1))}, ["total"]),
        ({"total": None}, {"total": Figure(Decimal(1))}, ["total"]),
        ({"lines": []}, {"lines": [{"amount": Figure(Decimal(1))}]}, ["lines"]),
        ({"lines": [{"amount": "1"}]}, {"lines": []}, ["lines"]),
        ({"lines": [{"amount": "1", "tier": "1"}]}, {"lines": [{"amount": Figure(Decimal(1))}]}, ["lines[0].tier"]),
        ({"kind": "minimum_spend"}, {"kind": WORDS["minimum"]}, []),
        ({"kind": "maximum_spend"}, {"kind": WORDS["minimum"]}, ["kind"]),
        ({"by": {"f1": "1", "f2": "2"}}, {"by": {"f1": Figure(Decimal(1)), "f2": Figure(Decimal(1))}}, ["by.f2"]),
    ],
)
def test_every_expected_value_must_be_found(expected: object, found: Found, places: list[str]) -> None:
    """What is missing, of another kind or another number is told by its place."""
    assert [each.place for each in differences(expected, found)] == places


def ask(answer: Answer | Exception) -> Any:
    """A service that answers always the same."""

    def answers(_: Body) -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return answers


NOTHING: Answer = {"total": "0.00", "exact": "0", "lines": [], "document": None}


def case(model: str = "unit", price: object = UNIT, usage: object = None, expected: object = None) -> Case:
    """A case of one unit that costs nothing, as NOTHING answers."""
    return Case("a", model, price, usage or {"quantity": "1"}, expected or {"total": "0"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (case(model="barter"), "nobody knows the model 'barter'"),
        (case(price={**UNIT, "surcharge": "1"}), "price_definition: nobody knows surcharge"),
        (case(price={}), "price_definition.unit_amount is missing"),
        (case(price={"unit_amount": 10}), "price_definition.unit_amount: 10 is no text"),
        (case(usage={"quantity": "1", "weather": "fair"}), "usage: nobody knows weather"),
        (case(usage={"quantity": "many"}), "usage.quantity: 'many' is no number"),
        (case(usage={"quantity": "1", "line_position": "middle"}), "usage.line_position: 'middle'"),
        (case(expected={"total": "0", "colour": "red"}), "colour: expected 'red', and we answer nothing"),
        (case(expected={"total": "0.01"}), "total: expected 0.01, got 0"),
        (case("graduated", {"tiers": [{"up_to": None, "unit": "1", "glow": "2"}]}), "tiers[0]: nobody knows glow"),
        (
            case("volume", {"tiers": [{"up_to": "5", "unit": "1"}, {"from": "8", "up_to": None, "unit": "1"}]}),
            "price_definition.tiers: 8 does not follow 5",
        ),
        (case("flat", {"amount": "1"}, {"quantity": "3"}), "usage.quantity: a fee is owed once"),
    ],
)
def test_what_is_not_understood_fails(odd: Case, said: str) -> None:
    """A model, key or value that nobody looks at is a failure, never silence."""
    found = outcome(odd, ask(NOTHING))
    assert found.kind == "failed"
    assert said in " ".join(found.said)


def test_what_is_understood_passes() -> None:
    """So the failures above are failures of what is odd about them."""
    assert outcome(case(), ask(NOTHING)).kind == "passed"


def test_a_refusal_fails_and_says_why() -> None:
    """A question that the service refuses is no pass."""
    found = outcome(case(), ask(RefusedError("400 $.usage: no")))
    assert (found.kind, "400 $.usage: no" in found.said[0]) == ("failed", True)


def test_a_difference_is_argued_only_where_its_rule_explains_it() -> None:
    """Usage above a last bound: the question without it must get what they expect."""
    tiers = {"tiers": [{"up_to": "10", "unit": "1"}]}

    def counting(body: Body) -> Answer:
        used = Decimal(body["usage"][0]["quantity"])
        return {"total": f"{used:.2f}", "exact": f"{used}", "lines": [], "document": None}

    above = {"quantity": "15"}
    assert outcome(case("graduated", tiers, above, {"total": "10"}), counting).kind == "argued"
    assert outcome(case("graduated", tiers, above, {"total": "11"}), counting).kind == "failed"
    assert outcome(case("graduated", tiers, {"quantity": "9"}, {"total": "8"}), counting).kind == "failed"


@pytest.mark.parametrize(
    ("printed", "kind"), [("54.83870967741936", "argued"), ("54.83870967741946", "failed"), ("54.8388", "failed")]
)
def test_only_the_last_digit_of_a_double_is_argued(printed: str, kind: str) -> None:
    """A figure that is short, or further away, is a failure."""
    answer = NOTHING | {"total": "0.55", "exact": "0.548387096774193548387096774194"}
    days = {"billed_days": "17", "period_days": "31"}
    found = outcome(
        case("subscription_prorated", {"amount_cents": "100"}, days, {"precise_cents": printed}), ask(answer)
    )
    assert found.kind == kind
    assert kind != "argued" or found.said == (LAST_DIGIT,)


def test_a_model_is_translated_or_told_to_be_later() -> None:
    """Never both."""
    assert FAMILIES.keys() & LATER.keys() == set()
    assert set(LATER.values()) == {"usage query", "optional"}
    assert outcome(case("weighted_sum"), ask(NOTHING)).said == ("usage query",)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "{}",
        "[1]",
        '[{"id": "a"}]',
        '[{"id": "a", "model": "unit", "price_definition": {}, "usage": {}, "expected": {}}]',
        '[{"id": "a", "model": "unit", "price_definition": {}, "usage": [], "expected": {"total": "1"}}]',
    ],
)
def test_what_is_no_file_of_cases_ends_with_two(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is started for it."""
    file = tmp_path / "cases.json"
    file.write_text(content)
    with pytest.raises(UnreadableFileError):
        cases_of(file)
    assert command.main([str(file)]) == 2
    assert command.main([str(tmp_path / "none.json")]) == 2
    assert str(file) in capsys.readouterr().err


def test_the_command_ends_with_one_where_a_case_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failed ids come with what was got and expected, and a line sums up."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=NOTHING))

    @contextmanager
    def fake() -> Iterator[object]:
        with httpx.Client(transport=transport, base_url="http://test") as client:
            yield SimpleNamespace(http=client)

    monkeypatch.setattr(command, "service", fake)
    good = {"id": "good", "model": "unit", "price_definition": UNIT, "usage": {"quantity": "1"}}
    cases = [good | {"expected": {"total": "0"}}, good | {"id": "bad", "expected": {"total": "10"}}]
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"cases": cases[:1]}))
    assert command.main([str(file)]) == 0
    file.write_text(json.dumps({"cases": cases}))
    assert command.main([str(file)]) == 1
    said = capsys.readouterr().out
    assert "bad: total: expected 10, got 0" in said
    assert said.endswith("2 cases: 1 passed, 0 argued, 0 later, 1 failed\n")

"""Rating a whole period: lines, members, derivations, and what is refused."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from meter.rating.invoice import RATING_VERSION, Rated, Unpriced, rate
from meter.rating.usage import UsageError
from tests.rating.cast import MARCH, amounts, demo, only, per_unit, plan_of, rated, shown, used


def test_the_token_example_is_exact() -> None:
    """6,548 in and 108 out cost 0.10308 before rounding (S3.2); each line is rounded once."""
    result = rated(demo("credits", "payg"), used("tokens.input", 6548, "alice"), used("tokens.output", 108, "alice"))
    assert result.exact == Decimal("0.10308")
    assert [line.exact for line in result.lines] == [Decimal("0.09822"), Decimal("0.00486")]
    assert amounts(result) == {("tokens_input", "usage"): "0.10", ("tokens_output", "usage"): "0.00"}
    assert str(result.total) == "0.10"


@pytest.mark.parametrize(
    ("book", "plan", "usage", "total"),
    [
        ("calls", "free", {"requests": "1000"}, "0.00"),
        ("calls", "free", {"requests": "1001"}, "0.01"),
        ("calls", "pro", {}, "49.00"),
        ("calls", "pro", {"requests": "50000"}, "49.00"),
        ("calls", "pro", {"requests": "50150"}, "50.50"),
        ("calls", "pro", {"documents": "125840"}, "1307.40"),
        ("calls", "enterprise", {"requests": "9999999"}, "499.00"),
        ("cloud", "payg", {"cpu": "744", "memory": "1488", "storage": "10"}, "0.00"),
        ("cloud", "payg", {"cpu": "844"}, "5.00"),
        ("cloud", "payg", {"memory": "1588"}, "2.00"),
        ("cloud", "payg", {"storage": "60"}, "5.00"),
        ("cloud", "payg", {"network": "250"}, "2.50"),
        ("cloud", "payg", {"requests": "10000"}, "0.00"),
        ("cloud", "payg", {"requests": "1010000"}, "10.00"),
        ("cloud", "payg", {"compute": "3600"}, "0.36"),
        ("cloud", "payg", {"compute": "1"}, "0.01"),
        ("cloud", "enterprise", {"cpu": "100000", "memory": "100000"}, "299.99"),
        ("credits", "trial", {"requests": "500"}, "0.00"),
        ("credits", "starter", {"requests": "1500"}, "21.00"),
        ("credits", "professional", {"requests": "400", "stt": "2000", "embedding": "400000"}, "50.00"),
        ("credits", "enterprise", {"tts": "100000"}, "100.00"),
        ("credits", "enterprise", {"tokens.input": "100000"}, "99.00"),
    ],
)
def test_demo_plans(book: str, plan: str, usage: dict[str, str], total: str) -> None:
    """Each price of the SPEC by itself."""
    result = rated(demo(book, plan), *(used(meter, quantity) for meter, quantity in usage.items()))
    assert str(result.total) == total
    assert result.unpriced == ()


@pytest.mark.parametrize(
    ("plan", "cores", "gigabytes", "total"),
    [
        ("basic", "2", "4", "29.99"),
        ("basic", "1.5", "3.9", "29.99"),
        ("basic", "5", "4", "30.29"),
        ("basic", "2", "10", "30.29"),
        ("basic", "2.5", "4", "30.04"),
        ("professional", "12", "20", "100.59"),
    ],
)
def test_peak_overage(plan: str, cores: str, gigabytes: str, total: str) -> None:
    """Tiers charge each extra core and GB of the period's peak, and no core-hours besides (S2.5)."""
    rows = [used("cpu", 1000, "alice"), used("memory", 2000, "bob")]
    peaks = [used("cpu", cores, measure="peak"), used("memory", gigabytes, measure="peak")]
    result = rated(demo("cloud", plan), *rows, *peaks)
    assert str(result.total) == total
    assert {part.member for line in result.lines for part in line.members} == {None}
    assert {row.member: row.usage for row in result.members} == {
        "alice": {"cpu": 1000},
        "bob": {"memory": 2000},
        None: {},
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([used("cpu", 5)], "cpu_peak needs the peak of cpu, which is missing"),
        ([used("cpu", 5, measure="peak"), used("cpu", 6, measure="peak")], "peaks do not add up"),
        ([used("network", 1), used("network", 1, divisor=1000)], "network comes in different base units"),
    ],
)
def test_usage_that_would_be_billed_wrong_is_refused(rows: list[msgspec.Struct], message: str) -> None:
    """A forgotten peak would be zero, two peaks one too high, mixed units a thousand times off."""
    with pytest.raises(UsageError, match=message):
        rated(demo("cloud", "basic"), *rows)  # type: ignore[arg-type]


def test_a_pool_refuses_mixed_base_units() -> None:
    """Meters of one pool must be countable together."""
    plan = plan_of('prices.p = { title = "P", meter = "p", unit = "u", unit_amount = "1", counts = { a = 1, b = 1 } }')
    with pytest.raises(UsageError, match="p: usage comes in different base units"):
        rated(plan, used("a", 1), used("b", 1, divisor=3600))


def test_the_currency_must_be_the_books() -> None:
    """A price in dollars is never read as euros."""
    with pytest.raises(UsageError, match="plan plan of book test is in USD, not EUR"):
        rate(per_unit(), [], MARCH, "EUR")


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "334"), ("USD", "333.50"), ("KWD", "333.500")])
def test_amounts_have_the_currencys_places(currency: str, amount: str) -> None:
    """Lines, members and totals are whole minor units."""
    body = 'prices.p = { title = "P", meter = "m", unit = "u", unit_amount = "333.5" }'
    result = rated(plan_of(body, currency), used("m", 1, "alice"))
    assert {str(result.total), str(result.lines[0].amount), str(result.members[0].amount)} == {amount}


def test_nothing_used_is_nothing_owed() -> None:
    """Pay-as-you-go without usage has no line, and a row of zero is no usage."""
    result = rated(demo("cloud", "payg"), used("cpu", 0, "alice"))
    assert (result.lines, str(result.total), result.unpriced) == ((), "0.00", ())


def test_usage_without_a_price_is_told_and_never_zero() -> None:
    """What the book does not sell is listed by meter, in its unit; what it declares unbilled is not."""
    rows = [used("gpu", 1800, "alice", divisor=3600), used("gpu", 1800, "bob", divisor=3600), used("cpu.used", 5)]
    result = rated(demo("cloud", "payg"), *rows, used("tape", 0), used("disk", 3, measure="peak"))
    assert result.unpriced == (Unpriced("gpu", Decimal(1)),)
    assert result.lines == ()


def test_a_base_fee_belongs_to_nobody() -> None:
    """The fee is its own row of the breakdown, so that the rows add up."""
    result = rated(demo("calls", "pro"), used("requests", 50100, "alice"))
    assert [(row.member, str(row.amount)) for row in result.members] == [("alice", "1.00"), (None, "49.00")]


def test_members_share_by_quantity_free_units_too() -> None:
    """Alice made three quarters of the calls and pays three quarters of what was not free."""
    plan = per_unit(unit_amount='"0.01"', included="1000")
    result = rated(plan, used("requests", 1500, "alice"), used("requests", 400, "bob"), used("requests", 100))
    assert [shown(row.member, row.amount, row.usage["requests"]) for row in result.members] == [
        ("alice", "7.50", "1500"),
        ("bob", "2.00", "400"),
        ("None", "0.50", "100"),
    ]


def test_members_cents_go_to_the_largest_remainder() -> None:
    """Three equal members of 0.10 get 0.04, 0.03, 0.03, by name."""
    plan = per_unit(unit_amount='"0.10"', per="3")
    line = only(rated(plan, *(used("requests", 1, name) for name in ("carol", "alice", "bob"))).lines)
    assert [(part.member, str(part.amount)) for part in line.members] == [
        ("alice", "0.04"),
        ("bob", "0.03"),
        ("carol", "0.03"),
    ]


def test_the_derivation_tells_the_steps_in_order() -> None:
    """Every figure that went in, what was free, the price and the one rounding."""
    plan = per_unit(unit_amount='"0.05"', included="744")
    line = only(rated(plan, used("requests", 3000001, divisor=3600)).lines)
    assert [(step.name, step.facts) for step in line.derivation] == [
        ("quantity", {"quantity": "3000001", "divisor": "3600", "unit": "request", "groups": "1"}),
        ("free_units", {"allowance": "744", "quantity": "3000001", "free": "2678400", "billed": "321601"}),
        (
            "price",
            {
                "model": "per_unit",
                "of": "units",
                "quantity": "321601",
                "divisor": "3600",
                "unit_amount": "0.05",
                "per": "1",
                "amount": "4.4666805555555555555555555555555555555556",
            },
        ),
        (
            "round",
            {
                "exact": "4.4666805555555555555555555555555555555556",
                "unit": "0.01",
                "rule": "half up",
                "amount": "4.47",
            },
        ),
    ]


def test_the_result_names_its_versions() -> None:
    """Book, version and rating version are part of the answer."""
    plan = demo("calls", "pro")
    result = rated(plan)
    assert (result.plan, result.book, result.book_version) == ("pro", "calls", plan.book_version)
    assert (result.rating_version, result.period) == (RATING_VERSION, MARCH)


def test_the_result_survives_json() -> None:
    """API, PDF and CSV read the same object; money and quantities travel as text."""
    rows = [used("compute", 10, "alice", "a"), used("compute", 900, None, "b"), used("cpu", 10**7, "bob", divisor=3600)]
    result = rated(demo("cloud", "payg"), *rows, used("gpu", 1))
    text = msgspec.json.encode(result)
    assert msgspec.json.decode(text, type=Rated) == result
    assert msgspec.json.decode(text)["lines"][0]["amount"] == str(result.lines[0].amount)

"""What is behind a line: words and figures, events, coverage and digest, and each member's part to the cent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meter import database as databases
from meter.explain.invoice import Explanation, altered, explain, truths_of
from meter.explain.statements import statements
from meter.explain.words import said, shown
from meter.ingest import Ingest
from meter.invoices import Invoice, Settled
from meter.rating.charge import step
from meter.rating.line import Line, shares
from tests.billing.conftest import CONNECTIONS, PAST_DAYS
from tests.billing.house import START, House
from tests.billing.tariff import Desk, at, make_desk
from tests.billing.test_verify import odd
from tests.billing.verifying import BOOK
from tests.served import Client, Service, make_team

COUPON = BOOK + '\n[coupons.tenth]\npercent = 10\nduration = "forever"\n'
OCTOBER = f"{datetime.now(UTC).year - 1}-10"


@pytest.fixture(name="desk")
async def fixture_desk(any_database: str) -> AsyncIterator[Desk]:
    """Answer a desk in a database of its own, on each engine."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        ingest = Ingest(pool, PAST_DAYS)
        yield await make_desk(pool, ingest, "UTC", "tariff/small", "2026-10-01T00:00Z", COUPON)


async def explained(house: House, made: Invoice) -> Explanation:
    """Explain an invoice."""
    async with house.pool.connection() as conn:
        return await explain(conn, made)


async def test_lines_keep_how_many_events_are_behind_them(desk: Desk) -> None:
    """Of tiers, levels, months and times of day, in parts of a period too, each event is behind one line of a meter."""
    house = desk.house
    await desk.applies(COUPON.replace('"0.10"', '"0.30"'), at("2026-10-20T12:34:56Z"))
    sent = odd(5, START.replace(day=2), START.replace(day=30))
    await house.sent(*sent)
    (october,) = await desk.periods("2026-10-10T00:00Z", "2026-10-11T00:00Z")
    made = await house.invoice(october)
    found = await explained(house, made)
    behind: dict[str, int] = {}
    for each in found.lines:
        behind[each.line.meter] = behind.get(each.line.meter, 0) + (each.truth.events or 0)
    facts = [event.meter for event in sent]
    assert behind.pop("") == 0
    assert behind.pop("cpu") > facts.count("cpu")  # a sample is an event in each quarter that it lies in
    assert behind == {meter: facts.count(meter) for meter in ("requests", "tokens.input")}
    assert all(each.as_written for each in found.lines)
    assert {each.line.plan for each in found.lines if each.line.kind == "usage"} == {"tariff/small"}


async def test_coverage_is_kept_with_the_line(house: House) -> None:
    """Null where nothing is expected to report; events and a digest are there all the same."""
    await house.used("tokens.input", "6548", "alice")
    made = await house.invoice()
    (line,) = (await explained(house, made)).lines
    assert (line.truth.events, line.truth.coverage) == (1, None)
    assert [(each.service, each.events, each.quantity) for each in line.services] == [(None, 1, Decimal(6548))]
    assert [each.hour for each in line.hours] == [START.replace(day=7)]


async def test_a_line_that_is_not_what_was_written_is_told(house: House) -> None:
    """A cent more, a share moved, a word changed: the digest is of something else."""
    await house.used("tokens.input", "654800", "alice")
    made = await house.invoice()
    async with house.pool.connection() as conn:
        truths = await truths_of(conn, made)
    assert altered(made, truths) == ()
    (line,) = made.lines
    for other in (
        replace(line, amount=line.amount + Decimal("0.01")),
        replace(line, members=tuple(replace(share, member="bob") for share in line.members)),
        replace(line, description="Other tokens"),
    ):
        assert altered(replace(made, lines=(other,)), truths) == (1,)


amounts = st.decimals(0, 10**6, places=2, allow_nan=False)
names = st.dictionaries(st.one_of(st.none(), st.sampled_from("abcdefgh")), amounts, min_size=1)


@st.composite
def lines(draw: st.DrawFn) -> tuple[Line, Settled]:
    """Make a line that is shared, with what coupons and taxes made of it."""
    amount, sign = draw(amounts), draw(st.sampled_from((1, -1)))
    off = draw(st.decimals(0, amount, places=2))
    tax = draw(st.one_of(st.just(Decimal(0)), st.decimals(0, amount, places=2)))
    within = draw(st.sampled_from((Decimal(0), tax)))
    amount, off, tax, within = (sign * each for each in (amount, off, tax, within))
    line = Line(
        kind="usage",
        price="p",
        description="P",
        meter="requests",
        measure="total",
        quantity=Decimal(1),
        unit="unit",
        included=Decimal(0),
        billed_quantity=Decimal(1),
        unit_amount=None,
        per=Decimal(1),
        exact=amount,
        amount=amount,
        derivation=(),
        members=shares(draw(names), amount, "USD"),
    )
    return line, Settled(discount=off, tax=tax, tax_included=within, total=amount - off + tax - within)


@given(st.lists(lines(), max_size=5))
def test_members_add_up(given_lines: list[tuple[Line, Settled]]) -> None:
    """Every column to the line, every row to the member's total, whole cents all, whatever was shared."""
    found = statements([line for line, _ in given_lines], [own for _, own in given_lines], "USD")
    parts = [part for each in found for part in each.parts]
    for part in parts:
        assert part.amount - part.discount + part.tax - part.tax_included == part.total
        assert all(figure == round(figure, 2) for figure in part[1:])
    for number, (line, own) in enumerate(given_lines, 1):
        of_line = [part[1:] for part in parts if part.line == number]
        assert [sum(column) for column in zip(*of_line, strict=True)] == [
            line.amount,
            own.discount,
            own.tax,
            own.tax_included,
            own.total,
        ]
    assert sum((each.sum_of("total") for each in found), Decimal(0)) == sum(own.total for _, own in given_lines)


def test_steps_are_said_in_words() -> None:
    """Figures with their units: what was used, what is free, each tier, the rounding."""
    steps = (
        step("quantity", quantity=Decimal(4_500_000), divisor=Decimal(3600), unit="core_hour", groups=2),
        step("free_units", allowance=Decimal(1000), quantity=4_500_000, free=3_600_000, billed=900_000),
        step("price", model="graduated", of="units", tier=2, quantity=900_000, divisor=3600, unit_amount="0.003", per=1,
             amount="0.75"),
        step("round", exact="0.75", unit="0.01", rule="half up", amount="0.75"),
        step("coupon", coupon="book/tenth", lines=1, base="0.75", percent=10, off="0.08"),
        step("something", new="here"),
    )  # fmt: skip
    assert [each.says for each in said(steps, "core_hour", "USD")] == [
        "4,500,000 / 3,600 = 1,250 core hours used, from 2 groups of member, service and labels.",
        "1,250 core hours - 1,000 of 1,000 included = 250 billed.",
        "Tier 2, units: 250 x 0.003 USD = 0.75 USD.",
        "Rounded once, half up: 0.75 = 0.75 USD.",
        "book/tenth: 10 % of 0.75 USD on 1 line: 0.08 USD off.",
        "new here.",
    ]
    assert [shown(text) for text in ("1234567.50", "0.0000001", "0.3333333333333333", "-5")] == [
        "1,234,567.5",
        "0.0000001",
        "≈ 0.333333333333",
        "-5",
    ]


async def test_every_step_of_an_invoice_has_a_sentence(desk: Desk) -> None:
    """Of tiers, levels, months, parts of a period, a coupon and a tax; none is only listed."""
    house = desk.house
    await desk.applies(COUPON.replace('"0.10"', '"0.30"'), at("2026-10-20T12:34:56Z"))
    await house.sent(*odd(6, START.replace(day=2), START.replace(day=30)))
    (october,) = await desk.periods("2026-10-10T00:00Z", "2026-10-11T00:00Z")
    made = await house.invoice(october)
    found = await explained(house, made)
    every = [each for line in found.lines for each in line.steps] + list(found.sums)
    assert {each.step.name for each in every} >= {"quantity", "free_units", "price", "portion", "split", "tax", "total"}
    assert [each.says for each in every if each.says.startswith(next(iter(each.step.facts)))] == []
    stored = statements(made.lines, made.settled, made.currency)
    assert {each.member: each.sum_of("total") for each in stored} == {each.member: each.amount for each in made.members}


def asked(client: Client, path: str, **headers: str) -> httpx.Response:
    """Answer a request of a client, for a member if named."""
    return client.http.get(path, headers=headers)


def test_invoices_are_checked_and_explained_over_http(served: Service) -> None:
    """Verified, explained line by line with a digest anybody can compute, and each member's part; own only for one."""
    client = make_team(served.url, plan="credits/starter")
    client.push([
        {"id": f"r-{n}", "time": f"{OCTOBER}-07T{n:02}:10:00Z", "meter": "requests", "quantity": 1000, "member": name}
        for n, name in enumerate(("ann", "bob", None))
    ])  # fmt: skip
    made = client.post(f"/v1/teams/{client.team}/invoices", {"from": f"{OCTOBER}-01", "to": f"{OCTOBER[:5]}11-01"})
    path = f"/v1/invoices/{made['id']}"

    found = client.get(f"{path}/verify")
    assert (found["state"], found["recomputed"], found["lines"], found["altered_lines"]) == (
        "agrees",
        made["total"],
        [],
        [],
    )
    assert found["since"]["meters"] == []
    client.push([{"id": "late", "time": f"{OCTOBER}-09T10:00:00Z", "meter": "requests", "quantity": 1000}])
    found = client.get(f"{path}/verify")
    assert (found["state"], found["since"]["meters"]) == (
        "agrees",
        [{"meter": "requests", "late_events": 1, "corrected_events": 0}],
    )
    assert (found["since"]["amount"], found["since"]["lines"][0]["amount"]) == ("2.00", "2.00")

    told = client.get(f"{path}/explain")
    for line in told["lines"]:
        text = json.dumps(line["statement"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert (hashlib.sha256(text.encode()).hexdigest(), True) == (line["digest"], line["as_written"])
        assert all(each["says"].endswith(".") for each in line["steps"])
    usage = next(line for line in told["lines"] if line["statement"]["kind"] == "usage")
    assert (usage["events"], usage["amount"]) == (3, "5.00")
    assert "3,000 credits - 500 of 500 included = 2,500 billed." in {each["says"] for each in usage["steps"]}
    link = urlsplit(usage["usage_events"])
    assert "requests" in parse_qs(link.query)["meter"]
    assert len(asked(client, usage["usage_events"]).json()["items"]) == 4  # with the late one
    assert [(each["meter"], each["quantity"]) for each in usage["hours"]] == [("requests", "1000")] * 4
    assert told["data_snapshot"]
    (one,) = client.get(f"{path}/explain", line=usage["line"])["lines"]
    assert one["statement"] == usage["statement"]
    assert asked(client, f"{path}/explain?line=99").json()["code"] == "not_found"
    assert asked(client, f"{path}/explain?line=0").status_code == 400

    whole = client.get(f"{path}/members")
    rows: list[dict[str, Any]] = whole["members"]
    assert [row["member"] for row in rows] == ["ann", "bob", None]
    assert sum(Decimal(row["total"]) for row in rows) == Decimal(made["total"]) == Decimal(whole["total"])
    own = asked(client, f"{path}/members", **{"X-User-ID": "bob"}).json()
    assert (own["members"], own["total"]) == ([rows[1]], None)
    assert asked(client, f"{path}/verify", **{"X-User-ID": "bob"}).status_code == 403
    other = make_team(served.url)
    assert [asked(other, f"{path}/{what}").status_code for what in ("verify", "explain", "members")] == [404] * 3

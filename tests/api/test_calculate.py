"""POST /v1/billing/calculate with prices of one's own: what comes back, and how each mistake is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.site import Site, problem

PATH = "/v1/billing/calculate"
OCTOBER = {"from": "2026-10-01", "to": "2026-11-01"}
Body = dict[str, Any]


def priced(*rows: Body, currency: str | None = "USD", more: Body | None = None, **prices: Body) -> Body:
    """A question by prices of its own."""
    asked: Body = {"prices": prices, "usage": list(rows)} | OCTOBER
    return asked | ({} if currency is None else {"currency": currency}) | (more or {})


def used(meter: str, quantity: object = 1, **more: object) -> Body:
    """A row of usage."""
    return {"meter": meter, "quantity": quantity, **more}


CALLS = {"unit_amount": "0.10"}
SEATS = {"model": "seats", "unit_amount": "30", "prorate": "days"}
TIERS = {"model": "graduated", "tiers": [{"up_to": 10, "unit_amount": "1"}, {"up_to": None, "unit_amount": "0.5"}]}


async def ask(site: Site, body: Body) -> Body:
    """The answer of a question that can be answered."""
    answer: Body = await site.post(PATH, body)
    return answer


async def test_a_price_is_read_as_a_book_writes_it(site: Site) -> None:
    """Title and meter are the id, the unit is "unit"; null is "not there"; numbers are whole or text."""
    price = {"unit_amount": "0.015", "per": 1000, "included": "100.5", "maximum": None, "conversion": None}
    answer = await ask(site, priced(used("tokens", "1500.5"), tokens=price))
    (line,) = answer["lines"]
    assert (answer["plan"], answer["price_version"], answer["document"]) == (None, None, None)
    assert (line["price"], line["description"], line["meter"], line["unit"]) == ("tokens", "tokens", "tokens", "unit")
    assert (line["included"], line["billed_quantity"], line["exact"], line["amount"]) == (
        "100.5",
        "1400",
        "0.021",
        "0.02",
    )
    assert (line["effective_unit_amount"], line["gross"], line["discounts"]) == ("0.000015", "0.02", [])
    assert [step["name"] for step in line["derivation"]] == ["quantity", "free_units", "price", "round"]
    named = price | {"title": "Tokens", "meter": "t", "unit": "token", "category": "ai"}
    (line,) = (await ask(site, priced(used("t", 9), tokens=named)))["lines"]
    assert (line["description"], line["meter"], line["unit"], line["category"]) == ("Tokens", "t", "token", "ai")


async def test_a_line_says_what_was_taken_off_and_a_cell_what_it_is_for(site: Site) -> None:
    """Gross less discounts is the amount; a unit came to what is left of it."""
    rates = [{"when": {"model": name}, "unit_amount": amount} for name, amount in (("a", "1"), ("b", "2"))]
    price = {"model": "matrix", "rates": rates, "discount": 10, "maximum": "12"}
    rows = [used("m", 5, dimensions={"model": "a"}), used("m", 5, dimensions={"model": "b"}), used("m", 1)]
    answer = await ask(site, priced(*rows, m=price))
    assert [(line["cell"], line["gross"], line["amount"]) for line in answer["lines"]] == [
        ("a", "5.00", "4.50"),
        ("b", "10.00", "7.50"),
    ]
    assert answer["lines"][1]["discounts"] == [
        {"kind": "percent", "amount": "1.00"},
        {"kind": "maximum", "amount": "1.50"},
    ]
    assert answer["lines"][1]["effective_unit_amount"] == "1.5"
    assert (answer["total"], answer["unpriced"]) == ("12.00", [{"meter": "m", "quantity": "1"}])


async def test_parts_of_a_period_add_up(site: Site) -> None:
    """Two parts with what was used before owe what the whole does, tiers told by what each part adds."""
    whole = await ask(site, priced(used("calls", 25), calls=TIERS))
    first = await ask(site, priced(used("calls", 8), calls=TIERS, more={"split": {"position": "first"}}))
    split = {"position": "last", "billed": {"calls": first["total"]}}
    rest = await ask(site, priced(used("calls", 17, before=8), calls=TIERS, more={"split": split}))
    assert (whole["total"], first["total"], rest["total"]) == ("17.50", "8.00", "9.50")
    added = [step["facts"] for step in rest["lines"][0]["derivation"] if step["name"] == "portion"]
    assert [(each["tier"], each["quantity"], each["amount"]) for each in added] == [("1", "2", "2"), ("2", "15", "7.5")]
    told = await ask(
        site, priced(used("calls", 17, before=8), calls=TIERS, more={"split": split | {"billed": {"calls": 5}}})
    )
    assert told["total"] == "12.50"


async def test_a_fee_is_for_the_part_that_was_served(site: Site) -> None:
    """By days of the question's zone, or by a share."""
    fee = {"model": "flat", "unit_amount": "31", "prorate": "days"}
    served = {"split": {"served": {"from": "2026-10-15", "to": "2026-11-01"}}, "tz": "Pacific/Auckland"}
    answer = await ask(site, priced(fee=fee, more=served))
    assert (answer["total"], answer["period"]["zone"], answer["period"]["from"]) == (
        "17.00",
        "Pacific/Auckland",
        "2026-09-30T11:00:00Z",
    )
    assert (await ask(site, priced(fee=fee, more={"split": {"share": {"part": 1, "whole": 2}}})))["total"] == "15.50"


async def test_levels_are_measured_as_the_price_says(site: Site) -> None:
    """The percentile of a meter's levels, and its peak, by the prices that are paid by them."""
    levels = {"meter": "cpu", "levels": [str(level) for level in range(1, 101)]}
    body = priced(levels, p95={"meter": "cpu", "measure": "p95", "unit_amount": "1"})
    assert (await ask(site, body))["total"] == "95.00"
    both = {"peak": {"meter": "cpu", "measure": "peak", "unit_amount": "1"}} | body["prices"]
    assert [line["quantity"] for line in (await ask(site, body | {"prices": both}))["lines"]] == ["100", "95"]


async def test_terms_of_the_whole_invoice(site: Site) -> None:
    """Lines are settled: coupon, tax, what is to be paid; the total of the lines stays beside it."""
    terms = {
        "coupons": [{"name": "ten", "percent": 10, "prices": ["calls"]}],
        "taxes": {"rates": [{"name": "VAT", "percent": 20}]},
    }
    answer = await ask(site, priced(used("calls", 1000), calls=CALLS, more={"terms": terms}))
    document = answer["document"]
    assert (answer["total"], document["subtotal"], document["coupons_total"]) == ("100.00", "100.00", "10.00")
    assert (document["tax"], document["total"], document["net"]) == ("18.00", "108.00", "90.00")
    assert document["lines"][0]["discounts"] == [{"kind": "coupon", "name": "ten", "exact": "10"}]
    by_plan = {"coupons": [{"name": "ten", "percent": 10, "plans": ["cloud/payg"]}]}
    named = {"plan": "cloud/payg", "usage": [used("cpu", 844)], "terms": by_plan} | OCTOBER
    assert (await ask(site, named))["document"]["total"] == "4.50"


async def test_a_large_question_is_answered_beside_the_event_loop(site: Site) -> None:
    """The same answer, from a process of its own; so are refusals."""
    rows = [used("calls", 1, member=f"m{at}") for at in range(1000)]
    answer = await ask(site, priced(*rows, calls=CALLS))
    assert (answer["total"], len(answer["members"])) == ("100.00", 1000)
    async with site.client() as client:
        refused = await client.post(PATH, json=priced(*rows, used("calls", -1), calls=CALLS))
        unknown = await client.post(PATH, json={"plan": "no/such", "usage": rows})
        near = await client.post(PATH, json={"plan": "cloud/pay-go", "usage": []})
    assert near.json()["detail"].startswith("'cloud/pay-go': did you mean cloud/payg? GET /v1/prices/plans")
    assert (problem(refused), "$.usage[1000]" in refused.json()["detail"]) == ("invalid_body", True)
    assert problem(unknown) == "unknown_plan"


MANY = [used("calls", 1, prorated=1) for _ in range(2001)]

MISTAKES: tuple[tuple[Body, str], ...] = (
    ({"usage": []}, "$.plan: say by what to price; write `plan`, or `prices` with a `currency`"),
    ({"usage": [], "plan": "cloud/payg", "prices": {"calls": CALLS}}, "$.plan: say by what to price"),
    (priced(), "$.prices: there is none"),
    (priced(currency=None, calls=CALLS), "$.currency: is missing"),
    (priced(currency="BTC", calls=CALLS), "$.currency: 'BTC' is not a currency"),
    (priced(calls=CALLS, more={"tz": "Mars/Base"}), "$.tz: 'Mars/Base' is no IANA zone"),
    ({"prices": {"Big Calls": CALLS}, "currency": "USD", "usage": []}, "$.prices: 'Big Calls' is not a name"),
    (
        {"prices": {"tokens.input": CALLS}, "currency": "USD", "usage": []},
        "$.prices: 'tokens.input' is not a name; write lower-case letters, digits, _ and - only, and the meter in ",
    ),
    (
        priced({"meter": "c", "quantitty": 1}, calls=CALLS),
        "Object contains unknown field `quantitty` - at `$.usage[0]`; ",
    ),
    (priced(calls=CALLS, more={"term": {}}), "Object contains unknown field `term`; did you mean `terms`?"),
    (
        priced(calls=CALLS, more={"split": {"possition": "first"}}),
        "Object contains unknown field `possition` - at `$.split`; did you mean `position`?",
    ),
    (priced(calls=CALLS, more={"to": "2026-09-01"}), "$.from: `from` must lie before `to`, by 366 days at most"),
    (priced(calls=CALLS, more={"to": "soon"}), "$.to: 'soon' can't be read as an instant; write "),
    (priced(calls=CALLS, more={"to": None}), "$.from: give `from` and `to`, or neither"),
    (priced(calls={}), '$.prices.calls.unit_amount: is missing; write "unit_amount": "0.05"'),
    (
        priced(calls={"unit_amount": 5}),
        '$.prices.calls.unit_amount: 5 is not quoted; money is text in a book, write "unit_amount": "5"',
    ),
    (
        priced(calls={"unit_amount": 0.1}),
        '$.prices.calls.unit_amount: 0.1 is not exact in JSON; write it as text, "0.1"',
    ),
    (priced(calls={"unit_amount": "ten"}), "$.prices.calls.unit_amount: 'ten' is not an amount"),
    *(
        (
            priced(calls={slip: "1"}),
            f'$.prices.calls.unit_amount: is missing; write "unit_amount" in place of "{slip}"',
        )
        for slip in ("unitamount", "unitAmount", "unit_ammount")
    ),
    (
        priced(calls={"tiers": TIERS["tiers"]}),
        '$.prices.calls.model: is missing, and per_unit has no tiers; write "model": "graduated" or "model": "volume"',
    ),
    (priced(calls={"model": "percentage"}), '$.prices.calls.percent: is missing; write "percent": "2.9"'),
    (
        priced(calls={"included": "unlimited", "unit_amount": "1"}),
        "$.prices.calls.unit_amount: is of no use, as included is unlimited; leave out one of the two",
    ),
    (priced(calls=CALLS | {"counts": {}}), "$.prices.calls.counts: is empty, so nothing would ever be billed; write "),
    (
        priced(calls=CALLS | {"conversion": 60}),
        '$.prices.calls.conversion: 60 is not a table; write "conversion": { … }',
    ),
    (
        priced(seats={"model": "seats", "unit_amount": "9", "included": 3}),
        '$.prices.seats.included: a seats price looks at single changes; leave it out; for free seats write "model": ',
    ),
    (
        priced(used("seats", 5), used("seats", -7, at="2026-10-10"), seats=SEATS),
        "$.usage: usage of seats: the level falls to -2, below none",
    ),
    (
        priced(used("seats", 5, at="2026-12-10"), seats=SEATS),
        "$.usage: seats: a level changes at 2026-12-10T00:00:00+00:00, when the period is over; leave it out",
    ),
    (
        priced(used("calls"), calls=CALLS | {"measure": "p95"}),
        '$.usage: calls needs the p95 of calls, which is missing; give a row with measure "p95", or its levels',
    ),
    (
        priced(calls=CALLS | {"unit_ammount": "1"}),
        "$.prices.calls.unit_ammount: unknown field; did you mean unit_amount?",
    ),
    (priced(calls={"model": "gratis"}), "$.prices.calls.model: 'gratis' is unknown; write one of "),
    (
        priced(calls={"model": "graduated", "tiers": [{"up_to": 5, "unit_amount": "1"}, {"up_to": 4}]}),
        "$.prices.calls.tiers[1]",
    ),
    (
        priced(calls={"model": "graduated", "tiers": [{"unit_amount": "1", "flaat": "1"}]}),
        "$.prices.calls.tiers[0].flaat: unknown field; did you mean flat?",
    ),
    (
        priced(calls={"model": "graduated", "tiers": "many"}),
        '$.prices.calls.tiers: is not a list of tables; write "tiers": [',
    ),
    (priced(calls=CALLS | {"conversion": {"factor": 0}}), "$.prices.calls.conversion.factor: 0 is not allowed"),
    (priced(calls=CALLS | {"minimum": "0"}), "$.prices.calls.minimum: 0 is not a multiple of 0.01 above zero; write "),
    (priced(calls=CALLS | {"maximum": "0.001"}), "$.prices.calls.maximum: 0.001 is not a multiple of 0.01"),
    (
        priced(calls=CALLS | {"title": "x" * 201}),
        "$.prices.calls.title: this text has 201 characters; write 200 at most",
    ),
    (priced(calls=CALLS | {"per": 10**30}), "$.prices.calls.per: this number is too large"),
    (
        priced(calls={"model": "graduated", "tiers": [{"unit_amount": "1"}] * 1001}),
        "$.prices.calls.tiers: there are 1001 items; write 1000 at most",
    ),
    (priced(a=CALLS | {"meter": "m"}, b=CALLS | {"meter": "m"}), "$.prices: a and b both price m"),
    (priced({"meter": "calls"}, calls=CALLS), "$.usage[0].quantity: is missing"),
    (priced(used("calls", "1e30"), calls=CALLS), "$.usage[0].quantity: "),
    (priced(used("calls", "9" * 300), calls=CALLS), "$.usage[0].quantity: too many digits"),
    (priced(used("calls", 1, before="NaN"), calls=CALLS), "$.usage[0].before: "),
    (
        priced(used("calls", 1, measure="p0"), calls=CALLS),
        "$.usage[0].measure: 'p0' is unknown; write total, peak, or a percentile such as p95",
    ),
    (priced(used("calls", 1, at="noon"), calls=CALLS), "$.usage[0].at: 'noon' can't be read as an instant"),
    (priced(used("calls", 1, at="2026-10-01T00:00:00"), calls=CALLS), "$.usage[0].at"),
    (priced(used("calls", 1, levels=["1"]), calls=CALLS), "$.usage[0].levels: the quantity is measured from them"),
    (
        priced({"meter": "calls", "levels": ["1"]}, calls=CALLS),
        "$.usage[0].levels: no price of calls is paid by levels",
    ),
    (priced({"meter": "calls", "levels": ["1", "-1"]}, calls=CALLS | {"measure": "p95"}), "$.usage[0].levels"),
    (priced(used("calls", 1, measure="p95"), calls=CALLS), "$.usage: calls needs the total of calls"),
    (
        priced(calls=CALLS, more={"split": {"billed": {"call": 1}}}),
        "$.split.billed.call: there is no such price; did you mean calls?",
    ),
    (
        priced(calls=CALLS, more={"split": {"billed": {"calls": "0.005"}}}),
        "$.split.billed.calls: 0.005 is not a multiple of 0.01",
    ),
    (
        priced(calls=CALLS, more={"split": {"position": "middle"}}),
        "$.split.position: 'middle' is unknown; write one of single, first, mid, last",
    ),
    (priced(calls=CALLS, more={"split": {"share": {"part": 2, "whole": 1}}}), "$.split.share: 2 of 1 is not a share"),
    (
        priced(calls=CALLS, more={"split": {"served": {"from": "2026-10-02", "to": "2026-10-01"}}}),
        "$.split.served.to: it ends before it begins",
    ),
    (
        priced(calls=CALLS, more={"split": {"served": {"from": "soon", "to": "2026-10-01"}}}),
        "$.split.served.from: 'soon'",
    ),
    (priced(calls=CALLS, more={"split": {"earlier": {"usage": "1"}}}), "$.split.earlier: there are no terms"),
    (priced(calls=CALLS, more={"terms": {"coupon": []}}), "$.terms.coupon: unknown field; did you mean coupons?"),
    (priced(calls=CALLS, more={"terms": {"coupons": [{"name": "a", "percent": 101}]}}), "$.terms.coupons[0].percent: "),
    (
        priced(calls=CALLS, more={"terms": {"taxes": {"rates": [{"name": "VAT", "percent": 19, "country": "DE"}]}}}),
        '$.terms.taxes.customer: is missing, and VAT goes by country (DE); write "customer": { "country": "DE" }',
    ),
    (
        priced(calls=CALLS, more={"terms": {"taxes": {"rates": [{"name": "a", "percent": "x"}]}}}),
        "$.terms.taxes.rates[0].percent: 'x' is not an amount",
    ),
    (priced(calls=CALLS, more={"terms": {"spend": {"minimum": "1"}}, "split": {"position": "last"}}), "$.terms: "),
    (priced(*MANY, calls=TIERS), "$.usage: 2001 changes of level in 2 tiers of calls is too much"),
    (
        priced(*({"meter": "m", "levels": ["1"] * 20_001} for _ in range(2)), m=CALLS | {"measure": "p95"}),
        "$.usage: there are too many levels",
    ),
)


@pytest.mark.parametrize(("body", "said"), MISTAKES, ids=[said.partition(":")[0] for _, said in MISTAKES])
async def test_a_mistake_names_the_field_as_it_was_written(site: Site, body: Body, said: str) -> None:
    """And says what to write."""
    async with site.client() as client:
        answer = await client.post(PATH, json=body)
    assert problem(answer) == "invalid_body"
    assert answer.json()["detail"].startswith(said)

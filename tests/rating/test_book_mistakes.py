"""Each kind of mistake in a book is answered with its line, table and field, and what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from meter.rating.book import parse_book
from meter.rating.table import BookError
from tests.rating.books import ATTACHED, FULL, OTHER, TEAM, at, full, read, written

GONE = object()
PRO = ("plans", "pro")
CALLS = (*PRO, "prices", "calls")
SEATS = (*PRO, "prices", "seats")
AGREED = ("overrides", 0)
RATE = {"name": "VAT", "percent": 19}
LATER = {"team": TEAM, "plan": "pro", "base_fee": "1"}

# What is changed, and what is said: [table] field: problem; what to write.
MISTAKES: list[tuple[tuple[str | int, ...], Any, str]] = [
    # Plans.
    ((*PRO, "prorate"), "hours", "[plans.pro] prorate: 'hours' is unknown; write one of never, time, days"),
    ((*PRO, "billed"), "before", "[plans.pro] billed: 'before' is unknown; write one of arrears, advance"),
    ((*PRO, "retired"), 1, "[plans.pro] retired: 1 is neither true nor false; write retired = true"),
    (("plans", "trial", "then"), GONE, "[plans.trial] then: is missing, and trial_days needs it; write the plan"),
    (("plans", "trial", "trial_days"), GONE, "[plans.trial] trial_days: is missing, and then needs it; write how long"),
    (("plans", "trial", "trial"), GONE, "[plans.trial] trial_days: is for a trial; write trial = true, or leave out"),
    (("plans", "trial", "trial_days"), 0, "[plans.trial] trial_days: 0 is not allowed; write a number above zero"),
    (
        ("plans", "trial", "trial_days"),
        "1.5",
        "[plans.trial] trial_days: 1.5 is not a whole number; write trial_days =",
    ),
    (("plans", "trial", "then"), "prof", "[plans.trial] then: there is no plan 'prof'; did you mean pro?"),
    (("plans", "trial", "then"), "basic", "[plans.trial] then: there is no plan 'basic'; there are old, pro, trial"),
    (
        ("plans", "trial", "then"),
        "trial",
        "[plans.trial] then: leads back to trial, so that the trial never ends; choose",
    ),
    (
        ("plans", "trial", "then"),
        "old",
        "[plans.trial] then: old is retired, nobody new may come to it; choose another",
    ),
    ((*PRO, "commitment", "amount"), GONE, '[plans.pro.commitment] amount: is missing; write amount = "20.00"'),
    ((*PRO, "commitment", "amount"), "0.001", "[plans.pro.commitment] amount: 0.001 is not a multiple of 0.01; write"),
    (
        (*PRO, "commitment", "overage_factor"),
        "0.5",
        "[plans.pro.commitment] overage_factor: 0.5 would make usage above",
    ),
    (
        (*PRO, "commitment", "counts"),
        "fees",
        "[plans.pro.commitment] counts: 'fees' is unknown; write one of usage, all",
    ),
    ((*PRO, "commitment", "price"), "1", "[plans.pro.commitment] price: unknown field; known here: amount, category"),
    ((*PRO, "spend"), {"prorate": "time"}, "[plans.pro.spend] minimum: is missing, and so is maximum; write minimum ="),
    ((*PRO, "spend", "minimum"), "9000.00", "[plans.pro.spend] minimum: 9000 is above the maximum, 5000; write a"),
    ((*PRO, "coupons"), {}, "[plans.pro] coupons: unknown field; known here: base_fee, billed"),
    # Prices that are paid for each unit of a quantity.
    ((*SEATS, "unit"), GONE, '[plans.pro.prices.seats] unit: is missing; write unit = "…"'),
    (
        (*SEATS, "times"),
        GONE,
        "[plans.pro.prices.seats] included: nothing is counted that could be free; write times =",
    ),
    ((*SEATS, "included"), "2.5", "[plans.pro.prices.seats] included: 2.5 is not a whole number; write included = 2"),
    ((*SEATS, "included"), "unlimited", "[plans.pro.prices.seats] included: 'unlimited' is not an amount"),
    ((*SEATS, "times"), "", "[plans.pro.prices.seats] times: '' is not a text; write times ="),
    ((*SEATS, "quantity"), 3, "[plans.pro.prices.seats] quantity: unknown field; did you mean unit?"),
    (
        (*CALLS, "times"),
        "seats",
        "[plans.pro.prices.calls] times: is for a fee, not for what is measured; write model =",
    ),
    # Add-ons.
    (("addons", "support", "title"), GONE, '[addons.support] title: is missing; write title = "…"'),
    (("addons", "support", "base_fee"), GONE, '[addons.support] base_fee: is missing; write base_fee = "0.05"'),
    (("addons", "support", "base_fee"), "0", '[addons.support] base_fee: costs nothing; write base_fee = "5.00"'),
    (("addons", "support", "base_fee"), 5, "[addons.support] base_fee: 5 is not quoted; money is text in a book"),
    (("addons", "support", "prorate"), "month", "[addons.support] prorate: 'month' is unknown; write one of never"),
    (
        ("addons", "support", "billed"),
        "now",
        "[addons.support] billed: 'now' is unknown; write one of arrears, advance",
    ),
    (
        ("addons", "support", "plans"),
        [],
        '[addons.support] plans: is empty, so nobody could have it; write plans = ["pro"]',
    ),
    (
        ("addons", "support", "plans"),
        ["pr"],
        "[addons.support] plans: there is no plan 'pr'; choose of trial, old, pro",
    ),
    (("addons", "support", "price"), "5", "[addons.support] price: unknown field; known here: base_fee, billed, plans"),
    (("addons", "A b"), {}, "addons: 'A b' is not a name; write lower-case letters"),
    (("addons", "x"), 5, "[addons.x]: 5 is not a table; write { … } or a [table]"),
    (
        (*PRO, "prices", "addon-support"),
        {"title": "x", "model": "flat", "unit_amount": "1"},
        "[addons.support]: plan pro has a price called addon-support; call one of the two otherwise",
    ),
    # Coupons.
    (
        ("coupons", "sorry", "amount"),
        GONE,
        "[coupons.sorry] percent: write either percent or amount; write percent = 10",
    ),
    (("coupons", "sorry", "percent"), 5, "[coupons.sorry] percent: write either percent or amount; write percent = 10"),
    (
        ("coupons", "welcome", "percent"),
        101,
        "[coupons.welcome] percent: 101 percent is more than all; write up to 100",
    ),
    (("coupons", "welcome", "periods"), GONE, "[coupons.welcome] periods: is for recurring coupons, and they need it"),
    (("coupons", "sorry", "periods"), 2, "[coupons.sorry] periods: is for recurring coupons, and they need it; write"),
    (
        ("coupons", "welcome", "periods"),
        "1.5",
        "[coupons.welcome] periods: 1.5 is not a whole number; write periods = 3",
    ),
    (("coupons", "welcome", "duration"), "ever", "[coupons.welcome] duration: 'ever' is unknown; write one of once"),
    (
        ("coupons", "welcome", "prices"),
        ["call"],
        "[coupons.welcome] prices: there is no price 'call'; did you mean calls?",
    ),
    (("coupons", "welcome", "meters"), ["call"], "[coupons.welcome] meters: there is no priced meter 'call'; did you"),
    (("coupons", "welcome", "plans"), ["prof"], "[coupons.welcome] plans: there is no plan 'prof'; did you mean pro?"),
    (("coupons", "welcome", "categories"), ["apis"], "[coupons.welcome] categories: there is no category 'apis'; did"),
    (("coupons", "welcome", "period"), 1, "[coupons.welcome] period: unknown field; did you mean periods?"),
    (("coupons", "welcome", "name"), "x", "[coupons.welcome] name: unknown field"),
    # Taxes and exchange.
    (("taxes", "customer"), {"country": "DE"}, "[taxes] customer: is another one for each team; leave it out; a team"),
    (("taxes", "rates"), GONE, "[taxes] rates: is missing; write rates = [{ … }, …]"),
    (
        ("taxes", "rates"),
        [RATE, RATE],
        "[taxes] rates: there are two rates VAT for the same category and place; keep one",
    ),
    (("taxes", "rates", 0, "category"), "apis", "[taxes.rates[1]] category: there is no category 'apis'; did you mean"),
    (("taxes", "rates", 0, "country"), "France", "[taxes.rates[1]] country: 'France' is not a country; write its ISO"),
    (
        ("taxes", "rates", 0, "country"),
        GONE,
        '[taxes.rates[1]] region: is a region of no country; write country = "CA"',
    ),
    (("taxes", "seller"), GONE, "[taxes] seller: is missing, and areas need it; write seller = { country ="),
    (("exchange", 0, "rate"), 0, "[exchange[1]] rate: 0 is not allowed; write a number above zero"),
    (
        ("exchange", 0, "to"),
        "usd",
        "[exchange[1]] to: unknown currency; 'usd' is not a currency; write its ISO 4217 code",
    ),
    (
        ("exchange", 0, "valid_from"),
        "2026-01-01",
        "[exchange[1]] valid_from: 2026-01-01 00:00:00 is not a point in time",
    ),
    (("exchange", 0, "valid_from"), GONE, "[exchange[1]] valid_from: is missing; write valid_from ="),
    (("exchange",), {"from": "EUR"}, "exchange: is not a list of tables; write exchange = [{ … }, …]"),
    # The catalogue.
    (
        ("catalogue", "file"),
        "other.json",
        "[catalogue] file: other.json is not there; put it beside the book, or write",
    ),
    (("catalogue", "file"), "../prices.json", "[catalogue] file: '../prices.json' is not the name of a file; write it"),
    (("catalogue", "as_of"), GONE, "[catalogue] as_of: is missing; write as_of = 2026-03-31"),
    (("catalogue", "as_of"), "lately", "[catalogue] as_of: 'lately' is not a date; write 2026-03-31"),
    (("catalogue", "as_of"), 2026, "[catalogue] as_of: 2026 is not a date; write 2026-03-31"),
    (("catalogue", "markup"), 0, "[catalogue] markup: 0 is not allowed; write a number above zero"),
    (("catalogue", "markup"), 2000, "[catalogue] markup: 2000 is more than 1000 times as much; write a factor"),
    (
        ("catalogue", "models"),
        [],
        '[catalogue] models: is empty, so no model would have a price; write models = ["gpt-*"]',
    ),
    (
        ("catalogue", "models"),
        ["gpt-smal"],
        "[catalogue] models: no model is called 'gpt-smal'; did you mean gpt-small?",
    ),
    (("catalogue", "models"), ["zzz*"], "[catalogue] models: no model is called 'zzz*'; * stands for any letters"),
    (("catalogue", "models"), ["painter"], "[catalogue] models: none of these has a price by the token; choose others"),
    (("catalogue",), GONE, "[plans.pro.prices.tokens] catalogue: the book has none; write [catalogue] with file"),
    (
        (*PRO, "prices", "tokens"),
        GONE,
        "[catalogue]: no price takes a rate from it; write catalogue = true in a matrix",
    ),
    (
        (*PRO, "prices", "tokens", "model"),
        GONE,
        "[plans.pro.prices.tokens] model: is no matrix, so it has no rates from",
    ),
    (
        (*PRO, "prices", "tokens", "rates"),
        [{}],
        "[plans.pro.prices.tokens] rates: come from the catalogue already; leave",
    ),
    ((*PRO, "prices", "tokens", "catalogue"), "yes", "[plans.pro.prices.tokens] catalogue: 'yes' is neither true nor"),
    ((*PRO, "prices", "tokens", "catalogue"), False, "[plans.pro.prices.tokens] rates: is missing; write rates ="),
    # What is agreed with single teams.
    ((*AGREED, "team"), GONE, '[overrides[1]] team: is missing; write team = "…"'),
    ((*AGREED, "team"), "acme", "[overrides[1]] team: 'acme' is not the id of a team; write team ="),
    ((*AGREED, "plan"), "prof", "[overrides[1]] plan: there is no plan 'prof'; choose of trial, old, pro, or leave it"),
    (
        (*AGREED, "until"),
        "2025-01-01T00:00:00Z",
        "[overrides[1]] until: is not after from; write a later one, or leave",
    ),
    (
        (*AGREED, "from"),
        "2025-01-01T00:00:00",
        "[overrides[1]] from: 2025-01-01 00:00:00 is not a point in time with its",
    ),
    (
        (*AGREED, "discount"),
        10,
        "[overrides[1]] discount: unknown field; known here: base_fee, charge, from, plan, prices, team",
    ),
    ((*AGREED,), {"team": OTHER}, "[overrides[1]]: changes nothing; write base_fee ="),
    ((*AGREED, "base_fee"), "-1", "[overrides[1]] base_fee: -1 is not allowed; write a number from zero"),
    (
        (*AGREED, "prices", "calls", "unit_amount"),
        1,
        "[overrides[1].prices.calls] unit_amount: 1 is not quoted; money is",
    ),
    ((*AGREED, "prices", "calls", "per_unit"), 1, "[overrides[1].prices.calls] per_unit: unknown field"),
    (
        (*AGREED, "prices", "free"),
        {"unit_amount": "1"},
        "[overrides[1].prices.free] unit_amount: is of no use, as included",
    ),
    ((*AGREED, "prices", "extra", "title"), GONE, '[overrides[1].prices.extra] title: is missing; write title = "…"'),
    ((*AGREED, "prices", "volume", "unit_amount"), GONE, "[overrides[1].prices.volume] unit_amount: is missing; write"),
    (
        (*AGREED, "prices", "base_fee"),
        {},
        "[overrides[1].prices.base_fee]: base_fee is a field of the plan; write base_fee",
    ),
    ((*AGREED, "prices", "calls"), 3, "[overrides[1].prices.calls]: 3 is not a table; write { … } or a [table]"),
    (
        (*AGREED, "prices", "calls", "meter"),
        "cpu.used",
        "[overrides[1]] prices: calls prices cpu.used, which is unbilled",
    ),
    ((*AGREED, "until"), GONE, "[overrides[2]]: of plan pro is for the same time and team as overrides[1]; write from"),
    (("overrides", 1), LATER, "[overrides[2]]: of plan pro is for the same time and team as overrides[1]; write from"),
    # The top.
    (("coupon",), {}, "coupon: unknown field; did you mean coupons?"),
    (("taxes",), [], "taxes: [] is not a table; write taxes = { … } or [taxes]"),
]


@pytest.mark.parametrize(("path", "value", "message"), MISTAKES, ids=[message[:60] for _, _, message in MISTAKES])
def test_a_mistake_says_where_and_what_to_write(path: tuple[str | int, ...], value: Any, message: str) -> None:
    """One thing in a book of every field is wrong; the line is that of the field, or of what it belongs to."""
    content = full()
    within = at(content, path[:-1])
    if value is GONE:
        del within[path[-1]]
    else:
        within[path[-1]] = value
    text = written(content)
    with pytest.raises(BookError) as caught:
        read(text)
    said = caught.value
    assert str(said).startswith(f"b.toml:{said.line}: {message}")
    line = text.splitlines()[(said.line or 0) - 1]
    assert line.startswith((said.table or said.field).partition("[")[0]), line
    assert said.instead


def test_the_table_has_many_kinds() -> None:
    """None of them twice."""
    assert len({message for _, _, message in MISTAKES}) > 90


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ("[]", "prices.json: the price file is not an object of models by their names; write the name of a price file"),
        ("{", "prices.json: the price file is not JSON"),
        ('{"m": {"input_cost_per_token": -1}}', "prices.json: m: input_cost_per_token: -1 is no price"),
    ],
)
def test_a_mistake_in_the_price_file_is_told_where_it_is_named(prices: str, message: str) -> None:
    """The line is the book's, the file and the model are in the sentence."""
    text = written(full())
    with pytest.raises(BookError) as caught:
        parse_book(text, "b.toml", {"prices.json": prices})
    assert f"[catalogue] file: {message}" in str(caught.value)
    assert text.splitlines()[(caught.value.line or 0) - 1].startswith("catalogue.file")


def test_lines_of_a_book_as_people_write_it() -> None:
    """Tables with headings, lists of tables, dotted fields: of the second override, and of a coupon."""
    for right, wrong in (
        ('prices.calls.included = "unlimited"', 'prices.calls.included = "lots"'),
        ("periods = 3", "periods = 0"),
        ('to = "USD"', "to = 3"),
    ):
        text = FULL.replace(right, wrong)
        with pytest.raises(BookError) as caught:
            read(text)
        assert text.splitlines()[(caught.value.line or 0) - 1] == wrong


def test_a_book_without_its_price_file_names_it() -> None:
    """What ``attachments`` says was not brought."""
    with pytest.raises(BookError, match=r"prices\.json is not there; put it beside the book"):
        parse_book(written(full()), "b.toml")
    assert set(ATTACHED) == {"prices.json"}

"""What two books say otherwise, as people read it: fields by their paths, what is gone and what is new."""

from __future__ import annotations

import msgspec
import pytest

from meter.rating.book import load_book, parse_book
from meter.rating.book_diff import Difference, diff
from tests.rating.books import ATTACHED, FULL, OTHER, PRICES, TEAM, full, read, written

BOOK = read(FULL)


def changed(*changes: tuple[str, str]) -> list[tuple[str, str | None, str | None]]:
    """What differs after parts of the text are others."""
    text = FULL
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return [(each.path, each.old, each.new) for each in diff(BOOK, read(text))]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'unit_amount = "0.01", per = 10',
            'unit_amount = "0.02", per = 10',
            ("plans.pro.prices.calls.unit_amount", "0.01", "0.02"),
        ),
        ("included = 100, ", "", ("plans.pro.prices.calls.included", "100", None)),
        ('title = "Old"', 'title = "Older"', ("plans.old.title", "Old", "Older")),
        ("retired = true", "", ("plans.old.retired", "true", None)),
        ('"tokens.input" = 1', '"tokens.input" = 2', ('plans.pro.prices.pool.counts."tokens.input"', "1", "2")),
        (
            'up_to = 10, unit_amount = "1", per',
            'up_to = 12, unit_amount = "1", per',
            ("plans.pro.prices.graduated.tiers[1].up_to", "10", "12"),
        ),
        (
            'region = "eu" }, unit_amount = "2"',
            'region = "eu" }, unit_amount = "3"',
            ("plans.pro.prices.regions.rates[region=eu].unit_amount", "2", "3"),
        ),
        (
            'unit_amount = "0.25"',
            'unit_amount = "0.26"',
            ("plans.pro.prices.charging.rates[night].unit_amount", "0.25", "0.26"),
        ),
        ('unbilled = ["cpu.used"]', 'unbilled = ["cpu.used", "x"]', ("unbilled", "cpu.used", "cpu.used, x")),
        ("percent = 19", "percent = 21", ("taxes.rates[VAT].percent", "19", "21")),
        ("as_of = 2026-11-01", "as_of = 2026-11-02", ("catalogue.as_of", "2026-11-01", "2026-11-02")),
        ('rate = "1.1"', 'rate = "1.2"', ("exchange[EUR USD 2026-01-01T00:00:00+00:00].rate", "1.1", "1.2")),
        (
            'unit_amount = "0.008"',
            'unit_amount = "0.007"',
            (f"overrides[{TEAM} pro 2026-01-01T00:00:00+00:00].prices.calls.unit_amount", "0.008", "0.007"),
        ),
    ],
)
def test_a_field_that_changed(old: str, new: str, expected: tuple[str, str | None, str | None]) -> None:
    """One difference, at the field's own path."""
    assert changed((old, new)) == [expected]


def test_the_same_in_other_words_is_no_difference() -> None:
    """Layout, comments, and numbers written otherwise."""
    assert diff(BOOK, read(written(full()))) == ()
    assert (
        changed(('base_fee = "49.00"', 'base_fee = "49"  # a comment'), ("factor = 1_000", 'factor = "1000.0"')) == []
    )
    assert changed(('title = "Old"', 'title = "7"')) != []


def test_names_are_not_compared_as_numbers() -> None:
    """A title of digits is a title."""
    seven, seven_more = (read(FULL.replace('title = "Old"', f'title = "{title}"')) for title in ("7", "7.0"))
    assert diff(seven, seven_more) == (Difference("plans.old.title", "7", "7.0"),)


def test_all_of_a_first_book_is_new() -> None:
    """Nothing was before; in the order of the file."""
    found = diff(None, load_book("calls"))
    assert [each.path for each in found[:5]] == ["name", "title", "currency", "unbilled", "plans.free.title"]
    assert {each.old for each in found} == {None}
    assert all(each.new for each in found)


def test_what_is_gone_is_told_where_it_was() -> None:
    """After what came before it; and what is new in its own place."""
    assert changed(('base_fee = "5"\n', ""), ('title = "Old"', 'title = "Old"\nbilled = "advance"')) == [
        ("plans.old.billed", None, "advance"),
        ("plans.old.base_fee", "5", None),
    ]
    gone = [path for path, _, new in changed(('[coupons.sorry]\namount = "7.00"', "")) if new is None]
    assert gone == ["coupons.sorry.amount"]


def test_one_more_row_is_one_more() -> None:
    """Rows that have names are told apart by them, wherever they stand."""
    rate = '{ when = { region = "us" }, unit_amount = "4" }, '
    assert changed(("rates = [{ when", f"rates = [{rate}{{ when")) == [
        ("plans.pro.prices.regions.rates[region=us].when.region", None, "us"),
        ("plans.pro.prices.regions.rates[region=us].unit_amount", None, "4"),
    ]
    found = changed(("[[exchange]]", f'[[overrides]]\nteam = "{OTHER}"\nbase_fee = "1"\n[[exchange]]'))
    assert [path for path, _, _ in found] == [f"overrides[{OTHER}].team", f"overrides[{OTHER}].base_fee"]


def test_another_order_is_told() -> None:
    """That of prices is that of lines."""
    content = full()
    prices = content["plans"]["pro"]["prices"]
    content["plans"]["pro"]["prices"] = {"calls": prices.pop("calls"), **prices}
    (moved,) = diff(BOOK, read(written(content)))
    assert moved.path == "plans.pro.prices"
    assert (moved.old or "").startswith("seats, fee, calls, pool")
    assert (moved.new or "").startswith("calls, seats, fee, pool")


def test_rates_of_a_catalogue_are_told() -> None:
    """The text is the same, the price file is not; markup is in the prices."""
    other = parse_book(FULL, "b.toml", {"prices.json": PRICES.replace("2.5e-06", "3e-06")})
    assert ATTACHED["prices.json"] != PRICES.replace("2.5e-06", "3e-06")
    assert diff(BOOK, other) == (Difference("catalogue.prices.gpt-large.input", "0.00000375", "0.0000045"),)


def test_it_is_json() -> None:
    """For programs, too."""
    (found,) = diff(BOOK, read(FULL.replace("as_of = 2026-11-01", "as_of = 2026-11-02")))
    assert msgspec.json.encode(found) == b'{"path":"catalogue.as_of","old":"2026-11-01","new":"2026-11-02"}'

"""What must hold for any lines and terms, by hypothesis; taxes and coupons against plain fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from meter.rating.document import Document, Earlier, Item, settle
from meter.rating.document.commitment import OVERAGE
from meter.rating.line import Line
from meter.rating.money import minor_unit
from meter.rating.split import Split
from tests.rating.cast import MARCH
from tests.rating.document.cast import line, terms_of

CURRENCIES = ("USD", "JPY", "KWD")
PRICES, CATEGORIES, PLANS = ("a", "b", "c"), ("", "x", "y"), ("free", "pro")
percents = st.sampled_from([1, 5, 7, "9.975", 10, 20, "33.333333", 50, 99, 100])


class Bill(NamedTuple):
    """Lines and the terms for them, in a currency."""

    currency: str
    items: tuple[Item, ...]
    terms: dict[str, Any]

    def settled(self, items: tuple[Item, ...] | None = None, **more: Any) -> Document:
        """The document, of other lines if given."""
        terms = terms_of(self.currency, **{**self.terms, **more})
        return settle(self.items if items is None else items, terms, self.currency, MARCH)


def money(units: int, currency: str) -> str:
    """So many minor units as text."""
    return f"{units * minor_unit(currency):f}"


def targets() -> st.SearchStrategy[dict[str, Any]]:
    """For all lines, or for some."""
    some = {"prices": PRICES, "categories": CATEGORIES[1:], "plans": PLANS}
    named = {name: st.lists(st.sampled_from(each), min_size=1, unique=True) for name, each in some.items()}
    return st.fixed_dictionaries({}, optional=named)


@st.composite
def coupons(draw: st.DrawFn, currency: str) -> list[dict[str, Any]]:
    """A few, by percent or amount, of small amounts too: these make the parts that have no end."""
    made = []
    for at in range(draw(st.integers(0, 4))):
        units = draw(st.integers(1, 40) | st.integers(1, 10**6))
        worth: dict[str, Any] = draw(st.sampled_from([{"amount": money(units, currency)}, {"percent": draw(percents)}]))
        made.append({"name": f"c{at}", **worth, **draw(targets())})
    return made


def taxes(*, inclusive: st.SearchStrategy[bool] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """Rates of two names, some for a category."""
    rate = st.fixed_dictionaries(
        {
            "name": st.sampled_from(["VAT", "City"]),
            "percent": percents,
            "category": st.sampled_from(CATEGORIES),
            "inclusive": st.booleans() if inclusive is None else inclusive,
        }
    )
    rates = st.lists(rate, min_size=1, max_size=5, unique_by=lambda each: (each["name"], each["category"]))
    return rates.map(lambda some: {"rates": [{k: v for k, v in each.items() if v != ""} for each in some]})


@st.composite
def items(draw: st.DrawFn, currency: str, least: int = 0) -> tuple[Item, ...]:
    """Lines of small and large amounts; from `least` minor units."""
    made = []
    for _ in range(draw(st.integers(0, 6))):
        units = draw(st.integers(least, 30) | st.integers(least, 10**7))
        price, category = draw(st.sampled_from(PRICES)), draw(st.sampled_from(CATEGORIES))
        kind = draw(st.sampled_from(["usage", "base_fee"]))
        members: dict[str | None, Decimal] = {"alice": Decimal(1), "bob": Decimal(draw(st.integers(0, 3)))}
        made.append(
            Item(
                line(money(units, currency), price, kind=kind, category=category, members=members, currency=currency),
                draw(st.sampled_from(PLANS)),
            )
        )
    return tuple(made)


def bounds(currency: str) -> st.SearchStrategy[dict[str, Any]]:
    """Commitment, minimum, maximum."""
    amount = st.integers(1, 10**6).map(lambda units: money(units, currency))
    commitment = st.fixed_dictionaries(
        {
            "amount": amount,
            "overage_factor": st.sampled_from([1, "1.5", "1.333", 3]),
            "counts": st.sampled_from(["usage", "all"]),
        }
    )
    spend = st.tuples(st.integers(1, 1000), st.integers(1000, 10**6)).map(
        lambda pair: {"minimum": money(pair[0], currency), "maximum": money(pair[1], currency)}
    )
    return st.fixed_dictionaries({}, optional={"commitment": commitment, "spend": spend})


@st.composite
def bills(draw: st.DrawFn, least: int = 0) -> Bill:
    """Everything at once."""
    currency = draw(st.sampled_from(CURRENCIES))
    terms = {**draw(bounds(currency)), "coupons": draw(coupons(currency)), "taxes": draw(taxes())}
    return Bill(currency, draw(items(currency, least)), terms)


def total(amounts: Any) -> Decimal:
    """A sum."""
    return sum(amounts, Decimal(0))


@given(bills(least=-(10**6)))
def test_all_sums_add_up_from_both_sides_in_whole_minor_units(bill: Bill) -> None:
    """Lines, rates, coupons and members each add up; credits among them."""
    document, unit = bill.settled(), minor_unit(bill.currency)
    lines = document.lines
    off = document.spend_discount + document.coupons_total
    assert document.total == document.subtotal - off + document.tax - document.tax_included
    assert document.net == document.total - document.tax
    assert document.subtotal == total(each.line.amount for each in lines)
    assert document.coupons_total == total(each.amount for each in document.coupons)
    assert document.tax == total(each.tax for each in lines) == total(each.amount for each in document.taxes)
    within = [each.amount for each in document.taxes if each.inclusive]
    assert document.tax_included == total(each.tax_included for each in lines) == total(within)
    assert off == total(each.discount for each in lines)
    assert document.total == total(each.total for each in lines) == total(each.amount for each in document.members)
    shown = [each.discount for each in lines] + [each.tax for each in lines] + [each.total for each in lines]
    assert not [amount for amount in (*shown, document.tax, off, document.total) if amount % unit]


@given(bills(least=-(10**6)))
def test_what_is_shown_is_less_than_a_minor_unit_from_what_is_exact(bill: Bill) -> None:
    """Of the tax and discount of each line, and of each rate."""
    document, unit = bill.settled(), minor_unit(bill.currency)
    for each in document.lines:
        assert abs(each.discount - total(part.exact for part in each.discounts)) < unit
        # With prices of both kinds the sum is parted twice, so a line may be off by one of each.
        both = len({tax.inclusive for tax in document.taxes}) > 1
        assert abs(each.tax - each.tax_exact) < unit * (2 if both else 1)
    for rate in document.taxes:
        assert abs(rate.amount - rate.exact) < unit


@given(bills())
def test_never_negative_unless_a_credit(bill: Bill) -> None:
    """Where no line is negative, nothing is: no line after discounts, no tax, no coupon, no member."""
    document = bill.settled()
    amounts = [document.total, document.net, document.tax, *(each.total for each in document.lines)]
    amounts += [each.line.amount - each.discount for each in document.lines]
    amounts += [each.discount for each in document.lines] + [each.tax for each in document.lines]
    amounts += [each.amount for each in document.coupons] + [each.amount for each in document.members]
    assert min(amounts) >= 0


def half_up(amount: Fraction, unit: Decimal) -> Fraction:
    """Round as money is rounded."""
    return ((amount / Fraction(unit) + Fraction(1, 2)) // 1) * Fraction(unit)


def by_fractions(bill: Bill) -> tuple[Fraction, Fraction]:
    """Coupons and tax of lines that are not negative, written down as plainly as it goes."""
    unit = minor_unit(bill.currency)
    left = [Fraction(each.line.amount) for each in bill.items]
    given_off = Fraction(0)
    for coupon in bill.terms["coupons"]:
        mine = [
            at
            for at, item in enumerate(bill.items)
            if item.line.price in coupon.get("prices", [item.line.price])
            and item.line.category in coupon.get("categories", [item.line.category])
            and item.plan in coupon.get("plans", [item.plan])
        ]
        base = sum((left[at] for at in mine), Fraction(0))
        asked = Fraction(coupon["amount"]) if "amount" in coupon else base * Fraction(coupon["percent"]) / 100
        off = min(half_up(asked, unit), base // Fraction(unit) * Fraction(unit))
        given_off += off
        for at in mine:
            left[at] -= off * left[at] / base if base else 0
    owed = Fraction(0)
    for item, money_left in zip(bill.items, left, strict=True):
        rates: dict[str, dict[str, Any]] = {}
        for rate in sorted(bill.terms["taxes"]["rates"], key=lambda each: "category" in each):
            if rate.get("category", item.line.category) == item.line.category:
                rates[rate["name"]] = rate
        within = sum((Fraction(each["percent"]) for each in rates.values() if each.get("inclusive")), Fraction(0))
        net = money_left * 100 / (100 + within)
        owed += sum((net * Fraction(each["percent"]) / 100 for each in rates.values()), Fraction(0))
    return given_off, half_up(owed, unit)


@given(bills())
def test_coupons_and_tax_equal_plain_fractions(bill: Bill) -> None:
    """Rounded once from what has no end as a decimal, ties included."""
    only = bill._replace(terms={name: bill.terms[name] for name in ("coupons", "taxes")})
    document = only.settled()
    assert (Fraction(document.coupons_total), Fraction(document.tax)) == by_fractions(only)


@given(bills(least=-100), st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(bill: Bill, random: Any) -> None:
    """Every sum is the same, and so is what each line has off and owes."""
    shuffled = list(bill.items)
    random.shuffle(shuffled)
    first, second = bill.settled(), bill.settled(tuple(shuffled))
    assert sums(first) == sums(second)
    assert sorted(map(figures, first.lines)) == sorted(map(figures, second.lines))


def sums(document: Document) -> tuple[object, ...]:
    """Everything but lines, members and the derivation of steps."""
    money_of = (document.subtotal, document.spend_discount, document.coupons_total, document.tax, document.total)
    return (*money_of, document.net, document.tax_included, document.coupons, document.taxes)


def figures(each: Any) -> tuple[object, ...]:
    """A line and what became of it."""
    told = each.line.price, each.line.kind, each.line.category, each.plan, each.line.amount
    return (*told, each.discount, each.tax, each.total, each.taxable)


@given(bills(), st.data())
def test_cutting_a_line_in_two_changes_no_sum_at_all(bill: Bill, data: st.DataObject) -> None:
    """Lines are whole minor units, and nothing after them is rounded by line: not a cent is won by more lines.

    Coupons count the lines they were for, and that is all that differs.
    """
    assume(bill.items)
    at = data.draw(st.integers(0, len(bill.items) - 1))
    item, unit = bill.items[at], minor_unit(bill.currency)
    part = data.draw(st.integers(0, int(item.line.amount / unit))) * unit
    halves = tuple(
        replace(item, line=_of(item.line, amount, bill.currency)) for amount in (part, item.line.amount - part)
    )
    assert sums(bill.settled((*bill.items[:at], *halves, *bill.items[at + 1 :]))) == sums(bill.settled())


def _of(one: Line, amount: Decimal, currency: str) -> Line:
    return line(amount, one.price, kind=one.kind, category=one.category, currency=currency)


@given(bills())
def test_prices_that_contain_their_tax_cost_what_they_say(bill: Bill) -> None:
    """However many rates, the total is that of the lines less what was given."""
    rates = [{**each, "inclusive": True} for each in bill.terms["taxes"]["rates"]]
    document = bill.settled(taxes={"rates": rates})
    assert document.total == document.subtotal - document.spend_discount - document.coupons_total
    assert document.tax == document.tax_included


@given(bills(), st.integers(0, 5), st.integers(1, 10**5))
def test_more_usage_never_costs_less(bill: Bill, at: int, more: int) -> None:
    """Where coupons are for all lines and there is one rate; else more of one line moves a coupon off another."""
    assume(bill.items)
    coupons_for_all = [
        {name: value for name, value in each.items() if name in {"name", "amount", "percent"}}
        for each in bill.terms["coupons"]
    ]
    rate = {"rates": [{"name": "VAT", "percent": 20}]}
    item = bill.items[at % len(bill.items)]
    larger = item.line.amount + more * minor_unit(bill.currency)
    grown = replace(item, line=_of(item.line, larger, bill.currency))
    before = bill.settled(coupons=coupons_for_all, taxes=rate)
    grown_items = tuple(grown if each is item else each for each in bill.items)
    after = bill.settled(grown_items, coupons=coupons_for_all, taxes=rate)
    assert after.total >= before.total


@given(bills(), st.data())
def test_parts_of_a_period_add_up_to_the_whole(bill: Bill, data: st.DataObject) -> None:
    """Commitment, minimum and maximum, billed in one or in three parts."""
    terms = {name: each for name, each in bill.terms.items() if name in {"commitment", "spend"}}
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(bill.items))] * 2)))
    parts = bill.items[:first], bill.items[first:last], bill.items[last:]
    earlier, paid = Earlier(), Decimal(0)
    for number, part in enumerate(parts):
        split = Split(first=number == 0, last=number == len(parts) - 1)
        document = settle(part, terms_of(bill.currency, **terms), bill.currency, MARCH, split, earlier)
        paid += document.total
        earlier = Earlier(
            usage=earlier.usage + total(each.line.amount for each in part if each.line.kind == "usage"),
            fees=earlier.fees + total(each.line.amount for each in part if each.line.kind == "base_fee"),
            added=earlier.added + total(each.line.amount for each in document.lines if each.line.kind == OVERAGE),
        )
    whole = bill._replace(terms=terms).settled()
    assert paid == whole.total


@given(bills(least=-(10**6)))
def test_credits_are_the_mirror_image(bill: Bill) -> None:
    """A credit note of every line gives back every tax."""
    only = bill._replace(terms={"taxes": bill.terms["taxes"]})
    back = tuple(replace(each, line=_of(each.line, -each.line.amount, bill.currency)) for each in bill.items)
    document, mirror = only.settled(), only.settled(back)
    assert (mirror.total, mirror.tax) == (-document.total, -document.tax)
    assert [-Fraction(each.exact) for each in mirror.taxes] == [Fraction(each.exact) for each in document.taxes]


@given(st.integers(1, 10**25), st.integers(1, 10**20 - 1))
def test_large_amounts_and_fine_percentages_are_exact(cents: int, percent: int) -> None:
    """Up to 10^23 dollars at a percentage of 20 places."""
    rate = f"{Decimal(percent).scaleb(-20):f}"
    bill = Bill("USD", (Item(line(money(cents, "USD"))),), {"taxes": {"rates": [{"name": "VAT", "percent": rate}]}})
    assert Fraction(bill.settled().tax) == half_up(Fraction(cents) * Fraction(rate) / 10000, Decimal("0.01"))

"""What in a book leads nowhere? A trial into no plan, a coupon for no price, a category that nothing has."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from meter.rating.book_catalogue import FIELD as CATALOGUE
from meter.rating.plan import BASE_FEE, Plan
from meter.rating.table import Table

if TYPE_CHECKING:
    from meter.rating.book import Book


def refuse_loose_ends(book: Book, top: Table) -> None:
    """Every name that a part of a book gives of another part is there. Raises BookError."""
    for plan in book.plans.values():
        _check_trial(plan, book, _below(top, "plans", plan.name))
    _check_coupons(book, top)
    _check_taxes(book, top)
    if book.catalogue is not None and not any(price.get(CATALOGUE) for price in _written_prices(book)):
        _below(top, CATALOGUE).refuse("", "no price takes a rate from it", "write catalogue = true in a matrix price")


def _check_trial(plan: Plan, book: Book, table: Table) -> None:
    if plan.then is None:
        return
    _check(table, "then", (plan.then,), "plan", book.plans)
    if book.plans[plan.then].retired:
        table.refuse("then", f"{plan.then} is retired, nobody new may come to it", "choose another plan")
    after: str | None = plan.then
    seen = {plan.name}
    while after is not None and after in book.plans:
        if after in seen:
            table.refuse("then", f"leads back to {after}, so that the trial never ends", "choose a plan without then")
        seen.add(after)
        after = book.plans[after].then


def _check_coupons(book: Book, top: Table) -> None:
    plans = tuple(_all_plans(book))
    prices = {BASE_FEE, *(price.id for plan in plans for price in plan.prices)}
    prices |= {addon.price_id for addon in book.addons.values()}
    meters = {price.meter for plan in plans for price in plan.prices if price.meter}
    for coupon in book.coupons.values():
        table = _below(top, "coupons", coupon.name)
        _check(table, "prices", coupon.targets.prices, "price", prices)
        _check(table, "meters", coupon.targets.meters, "priced meter", meters)
        _check(table, "plans", coupon.targets.plans, "plan", book.plans)
        _check(table, "categories", coupon.targets.categories, "category", _categories(plans))


def _check_taxes(book: Book, top: Table) -> None:
    if book.taxes is None:
        return
    categories = _categories(tuple(_all_plans(book)))
    for number, rate in enumerate(book.taxes.rates, 1):
        if rate.category:
            _check(_below(top, "taxes", f"rates[{number}]"), "category", (rate.category,), "category", categories)


def _check(table: Table, field: str, names: tuple[str, ...], what: str, known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            near = get_close_matches(name, sorted(known), 1)
            there = f"there are {', '.join(sorted(known))}" if known else "there is none"
            table.refuse(field, f"there is no {what} {name!r}", f"did you mean {near[0]}?" if near else there)


def _all_plans(book: Book) -> Iterator[Plan]:
    """The plans as they are for all, and as they are for single teams."""
    yield from book.plans.values()
    for override in book.overrides:
        yield from override.plans.values()


def _categories(plans: tuple[Plan, ...]) -> set[str]:
    """What lines of these plans may be of."""
    found = {price.category for plan in plans for price in plan.prices}
    agreed = (part for plan in plans for part in (plan.terms.commitment, plan.terms.spend))
    return {*found, *(part.category for part in agreed if part is not None)} - {""}


def _written_prices(book: Book) -> Iterator[dict[str, Any]]:
    """The tables of all prices, as the file has them."""
    for fields in (*book.written["plans"].values(), *book.written.get("overrides", ())):
        yield from fields.get("prices", {}).values()


def _below(top: Table, *path: str) -> Table:
    """A table by its path, to be named in a mistake."""
    return Table(top.file, ".".join(path), {})

"""What is wrong with a book? Every mistake that can be told apart from the others, so that one look shows them all."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from meter.rating.book import COUPONS, EXCHANGE, TAXES, parse_book, read_book
from meter.rating.book_catalogue import FIELD as CATALOGUE
from meter.rating.book_lines import line_of
from meter.rating.money import minor_unit
from meter.rating.overrides import FIELD as OVERRIDES
from meter.rating.table import BookError

_PLANS: Final = "plans"
_PRICES: Final = "prices"
_SECTIONS: Final = frozenset({_PLANS, "addons", COUPONS, TAXES, EXCHANGE, CATALOGUE, OVERRIDES})
_ANY: Final[dict[str, Any]] = {"title": "-"}
_CURRENCY: Final = "USD"


def mistakes(text: str, file: str, attached: Mapping[str, str]) -> tuple[BookError, ...]:
    """Every mistake in a book, line by line; none in one that can be read.

    Of each plan's own fields, each price, add-on, coupon and override the first is told. What leads from one part to
    another is looked at when all parts can be read. Text that is no TOML has one mistake.
    """
    try:
        parse_book(text, file, attached)
    except BookError as error:
        first = error
    else:
        return ()
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError:
        return (first,)
    look = _Look(content, file, attached)
    look.over_all()
    found = {
        str(each): each for each in (first, *(each.on(line_of(text, each.table, each.field)) for each in look.found))
    }
    return tuple(sorted(found.values(), key=lambda error: error.line or 0))


class _Look:
    """Reads a book part by part, each beside parts that nothing is wrong with; `found` is what was wrong."""

    def __init__(self, content: Mapping[str, Any], file: str, attached: Mapping[str, str]) -> None:
        self.found: list[BookError] = []
        self._content, self._file, self._attached = content, file, attached
        self._safe: dict[str, Any] = {"name": "-", "title": "-", "currency": _currency(content)}
        self._catalogue: dict[str, Any] = {}
        self._whole_plans: dict[str, Any] = {}

    def over_all(self) -> None:
        """Look at each part there is."""
        own = {field: value for field, value in self._content.items() if field not in _SECTIONS}
        self._reads(own | {_PLANS: {"any": _ANY}})
        chosen = {field: self._content[field] for field in (CATALOGUE,) if field in self._content}
        if chosen and self._reads(self._safe | chosen | {_PLANS: {"any": _ANY}}):
            self._catalogue = chosen
        for name, fields in self._tables(_PLANS):
            self._plan(name, fields)
        named = {name: _ANY for name, _ in self._tables(_PLANS)} or {"any": _ANY}
        for section in ("addons", COUPONS):
            for name, fields in self._tables(section):
                self._reads(self._safe | {_PLANS: named, section: {name: fields}})
        for section in (TAXES, EXCHANGE):
            if section in self._content:
                self._reads(self._safe | {_PLANS: named, section: self._content[section]})
        self._overrides()

    def _plan(self, name: str, fields: Any) -> None:  # noqa: ANN401 (as TOML has it)
        """A plan without its prices, each price alone, then those that are right together."""
        prices = fields.get(_PRICES) if isinstance(fields, dict) else None
        if not isinstance(prices, dict):
            if self._reads(self._safe | {_PLANS: {name: fields}}):
                self._whole_plans[name] = fields
            return
        bare = {field: value for field, value in fields.items() if field != _PRICES}
        fine = self._reads(self._safe | {_PLANS: {name: bare}})
        right = {price: table for price, table in prices.items() if self._reads_price(name, price, table)}
        together = (bare if fine else _ANY) | {_PRICES: right}
        named = self._content.get("unbilled")
        unbilled = {"unbilled": named} if _are_names(named) else {}
        reads = self._reads(self._safe | unbilled | self._catalogue | {_PLANS: {name: together}})
        if reads and fine and right == prices:
            self._whole_plans[name] = fields

    def _reads_price(self, plan: str, price: str, table: Any) -> bool:  # noqa: ANN401 (as TOML has it)
        takes = isinstance(table, dict) and CATALOGUE in table
        if takes and not self._catalogue and CATALOGUE in self._content:
            return False  # it can't be told while the catalogue is wrong
        alone = {plan: _ANY | {_PRICES: {price: table}}}
        return self._reads(self._safe | (self._catalogue if takes else {}) | {_PLANS: alone})

    def _overrides(self) -> None:
        """Each override of plans that are right, beside as many others as are before it: it is told by its number."""
        rows = self._content.get(OVERRIDES, [])
        if not isinstance(rows, list):
            return
        for number, row in enumerate(rows):
            plan = row.get("plan") if isinstance(row, dict) else None
            whole = self._whole_plans if plan is None else {plan: self._whole_plans.get(plan)}
            if None in whole.values() or (plan is None and len(whole) < len(self._content.get(_PLANS, {}))):
                continue
            other = [_other(before, next(iter(whole))) for before in range(number)]
            self._reads(self._safe | self._catalogue | {_PLANS: whole, OVERRIDES: [*other, row]})

    def _tables(self, section: str) -> Iterator[tuple[str, Any]]:
        tables = self._content.get(section)
        yield from tables.items() if isinstance(tables, dict) else ()

    def _reads(self, content: dict[str, Any]) -> bool:
        """Whether a book of these parts can be read; what is wrong is kept."""
        try:
            read_book(content, self._file, self._attached, whole=False)
        except BookError as error:
            self.found.append(error)
            return False
        return True


def _currency(content: Mapping[str, Any]) -> str:
    """The book's, where it is one."""
    currency = content.get("currency")
    if not isinstance(currency, str):
        return _CURRENCY
    try:
        minor_unit(currency)
    except ValueError:
        return _CURRENCY
    return currency


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _other(number: int, plan: str) -> dict[str, Any]:
    """An override that nothing is wrong with, for a team of its own."""
    return {"team": f"00000000-0000-0000-0000-{number:012}", "plan": plan, "base_fee": "1"}

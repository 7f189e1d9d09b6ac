"""Which version of each price book is in force at an instant? Pure: answered from the schedule as it was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from meter.errors import UnknownCoupon, UnknownPlan
from meter.rating.book import Book, Plan
from meter.rating.document.terms import Coupon

SHOWN = 80
_ALWAYS = datetime(1, 1, 1, tzinfo=UTC)


class InForce(NamedTuple):
    """A version of a book and since when it is in force; `version_id` is None of one that nobody used yet."""

    since: datetime
    version_id: int | None
    book: Book


class Schedule:
    """All books, each with its versions in the order of their instants.

    The first version of a book holds before its instant too: usage may be older than the price for it.
    """

    def __init__(self, books: Mapping[str, Sequence[InForce]]) -> None:
        """Take the versions of each book, oldest first, at most one from an instant and at least one in all."""
        self._books = {name: tuple(versions) for name, versions in books.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all books."""
        return tuple(self._books)

    def versions(self, name: str) -> tuple[InForce, ...]:
        """The versions of a book, oldest first; none where there is no such book."""
        return self._books.get(name, ())

    def in_force(self, name: str, at: datetime) -> InForce | None:
        """The version of a book at an instant, None where there is no such book."""
        versions = self.versions(name)
        past = [each for each in versions if each.since <= at]
        return past[-1] if past else versions[0] if versions else None

    def next_after(self, name: str, at: datetime) -> datetime | None:
        """When the version of a book that is in force, or is put in force, at an instant is followed by another one."""
        return next((each.since for each in self.versions(name) if each.since > at), None)

    def plan(self, name: str, at: datetime, team: UUID | None = None) -> Plan:
        """The plan called `book/plan` at an instant, with what was agreed with a team. Raises UnknownPlan."""
        book, _, plan = name.partition("/")
        found = self.in_force(book, at)
        if found is None or plan not in found.book.plans:
            raise UnknownPlan(self._said(name, at))
        return found.book.plans[plan] if team is None else found.book.plan_for(plan, team, at)

    def book_of(self, name: str, at: datetime) -> Book:
        """The book of a plan called `book/plan` as it is at an instant. Raises UnknownPlan."""
        found = self.in_force(name.partition("/")[0], at)
        if found is None:
            raise UnknownPlan(self._said(name, at))
        return found.book

    def coupon(self, name: str, at: datetime) -> Coupon:
        """The coupon called `book/coupon` as it is at an instant, or was before it left its book.

        Raises UnknownCoupon.
        """
        book, _, coupon = name.partition("/")
        past = [each for each in self.versions(book) if each.since <= at] or list(self.versions(book)[:1])
        for each in reversed(past):
            if coupon in each.book.coupons:
                return _of_book(book, each.book.coupons[coupon])
        raise UnknownCoupon(f"{name[:SHOWN]!r}: write book/coupon, as the book has it under [coupons]")

    def plans(self, at: datetime) -> tuple[Plan, ...]:
        """Every plan at an instant, book by book."""
        books = (self.in_force(name, at) for name in self._books)
        return tuple(plan for each in books if each is not None for plan in each.book.plans.values())

    def edges(self, name: str, team: UUID, start: datetime, end: datetime) -> set[datetime]:
        """When, inside (start, end), the prices of a plan's book change for a team: its versions, what was agreed."""
        book = name.partition("/")[0]
        versions = self.versions(book)
        edges = {each.since for each in versions[1:] if start < each.since < end}
        return edges.union(*(each.book.edges_for(team, start, end) for each in versions)) if versions else edges

    def drafted(self, book: Book) -> Schedule:
        """The same as if a draft of a book had always been in force."""
        always = InForce(_ALWAYS, None, book)
        return Schedule({**self._books, book.name: (always,)})

    def _said(self, name: str, at: datetime) -> str:
        near = get_close_matches(name[:SHOWN].lower(), [name_of(each) for each in self.plans(at)], 1)
        meant = f"did you mean {near[0]}?" if near else "write book/plan;"
        return f"{name[:SHOWN]!r}: {meant} GET /v1/prices/plans lists those there are"


def _of_book(book: str, coupon: Coupon) -> Coupon:
    """A coupon as lines are told: a book writes its plans without its own name."""
    plans = tuple(f"{book}/{plan}" for plan in coupon.targets.plans)
    return replace(coupon, targets=replace(coupon.targets, plans=plans))


def name_of(plan: Plan) -> str:
    """The plan's name among all books: `book/plan`, because books share plan names."""
    return f"{plan.book}/{plan.name}"


def schedule_of(entries: Iterable[tuple[str, datetime, int, Book]]) -> dict[str, list[InForce]]:
    """Versions by book, from rows in the order of their instants, then of their application: the later applied wins."""
    books: dict[str, dict[datetime, InForce]] = {}
    for name, since, version_id, book in entries:
        books.setdefault(name, {})[since] = InForce(since, version_id, book)
    return {name: list(versions.values()) for name, versions in books.items()}

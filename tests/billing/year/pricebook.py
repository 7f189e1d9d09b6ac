"""What is sold in the year: plans in plain values, which are written down as a book for the product and reckoned by.

Nothing here knows the product: a price is its figures, and the text of a book is made of the same figures.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from tests.billing.year.written import written


class Tier(NamedTuple):
    """Units up to and with a bound (None: all above), each for an amount; a fee once it is reached."""

    up_to: int | None
    unit_amount: Decimal
    flat: Decimal | None = None


class Price(NamedTuple):
    """What usage of a meter costs: which fields count is said by the model.

    `rates` are by label; of a price by the time of day there is one, from one hour until another (of the next day).
    """

    meter: str
    model: str
    unit_amount: Decimal | None = None
    per: int | None = None
    included: int | None = None
    tiers: tuple[Tier, ...] = ()
    percent: Decimal | None = None
    per_event: Decimal | None = None
    rates: tuple[tuple[str, Decimal], ...] = ()
    hours: tuple[int, int] | None = None
    otherwise: Decimal | None = None
    discount: int | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None


class Seats(NamedTuple):
    """A fee for each seat above those that are free, by the time each was had."""

    unit_amount: Decimal
    included: int


class Commitment(NamedTuple):
    """Owed for usage in any case, by the time served; usage above it costs `factor` times as much."""

    amount: Decimal
    factor: Decimal


class Plan(NamedTuple):
    """A fee by a rule of proration, billed before its month or after; prices; what is agreed about the sum."""

    base_fee: Decimal
    prorate: str
    prices: dict[str, Price]
    billed: str = "arrears"
    seats: Seats | None = None
    commitment: Commitment | None = None
    least: Decimal | None = None
    most: Decimal | None = None


class Coupon(NamedTuple):
    """A percentage or an amount off, for so many billing periods (None: for ever)."""

    percent: int | None
    amount: Decimal | None
    periods: int | None


class Book(NamedTuple):
    """All plans in one currency, whose money has so many `places`; one tax, in the prices or on top of them."""

    name: str
    currency: str
    places: int
    tax: int
    inclusive: bool
    plans: dict[str, Plan]
    coupons: dict[str, Coupon]

    def text(self) -> str:
        """Answer the book as the product reads it."""
        return written(self)


UPGRADES = {"starter": "growth", "growth": "starter", "ladder": "skyscraper", "skyscraper": "ladder", "ahead": "growth"}
"""Which plan a team moves to: there and back, most of them so that prices go on where they were."""


class Figures(NamedTuple):
    """Figures of a book: times a hundred where the currency has no cents; some of them `dearer` from some day on."""

    scale: int
    dearer: bool

    def money(self, text: str) -> Decimal:
        """Answer an amount."""
        return Decimal(text) * self.scale

    def tiers(self, *given: tuple[int | None, str, str | None]) -> tuple[Tier, ...]:
        """Answer tiers of a bound, the price of a unit and a fee."""
        return tuple(
            Tier(up_to, self.money(unit), None if flat is None else self.money(flat)) for up_to, unit, flat in given
        )

    def calls(self, unit: str, included: int, discount: int | None = None) -> Price:
        """Answer a price of requests."""
        return Price("requests", "per_unit", self.money(unit), included=included, discount=discount)


def book(name: str, currency: str, places: int, tax: int, *, inclusive: bool, dearer: bool = False) -> Book:
    """Answer the book of a currency."""
    of = Figures(1 if places else 100, dearer)
    plans = {**_usual(of), **_in_tiers(of), **_by_labels(of), **_agreed(of)}
    coupons = {
        "half": Coupon(50, None, 1),
        "quarter": Coupon(25, None, 3),
        "tenth": Coupon(10, None, None),
        "seven": Coupon(None, of.money("7.00"), 1),
    }
    return Book(name, currency, places, tax, inclusive, plans, coupons)


def _usual(of: Figures) -> dict[str, Plan]:
    """Units, packages, fees before and after their month, seats."""
    return {
        "starter": Plan(
            of.money("9.00"),
            "time",
            {
                "calls": of.calls("0.0139" if of.dearer else "0.0125", 500),
                "documents": Price("documents", "package", of.money("3.00"), per=40),
            },
        ),
        "growth": Plan(
            of.money("59.00" if of.dearer else "49.00"),
            "time",
            {
                "calls": of.calls("0.0075", 1_000, 10),
                "documents": Price("documents", "package", of.money("2.50"), per=50),
            },
        ),
        "ahead": Plan(of.money("40.00"), "days", {"calls": of.calls("0.011", 100)}, billed="advance"),
        "crew": Plan(of.money("10.00"), "time", {"calls": of.calls("0.012", 50)}, seats=Seats(of.money("7.00"), 2)),
    }


def _in_tiers(of: Figures) -> dict[str, Plan]:
    """What depends on how much it is."""
    return {
        "ladder": Plan(
            of.money("15.00"),
            "days",
            {
                "input": Price(
                    "tokens.input",
                    "graduated",
                    tiers=of.tiers((1_000, "0.02", "1.00"), (3_000, "0.011", None), (None, "0.004", "2.50")),
                ),
                "speech": Price("tts", "per_unit", of.money("0.013"), maximum=of.money("12.00")),
            },
        ),
        "skyscraper": Plan(
            of.money("31.00"),
            "days",
            {
                "input": Price(
                    "tokens.input",
                    "graduated",
                    tiers=of.tiers((2_000, "0.0151", None), (None, "0.0035" if of.dearer else "0.003", "1.25")),
                ),
            },
        ),
        "bulk": Plan(
            of.money("0"),
            "never",
            {
                "calls": Price(
                    "requests",
                    "volume",
                    tiers=of.tiers((1_000, "0.02", None), (2_500, "0.015", None), (None, "0.01", "4.00")),
                ),
                "listening": Price("stt", "per_unit", of.money("0.0107"), discount=15, minimum=of.money("20.00")),
            },
        ),
    }


def _by_labels(of: Figures) -> dict[str, Plan]:
    """What depends on whose, what or when it is."""
    return {
        "cards": Plan(
            of.money("5.00"),
            "never",
            {"turnover": Price("network", "percentage", percent=Decimal("1.9"), per_event=of.money("0.07"))},
        ),
        "models": Plan(
            of.money("20.00"),
            "time",
            {
                "output": Price(
                    "tokens.output",
                    "matrix",
                    rates=(("large", of.money("0.0311")), ("small", of.money("0.0049" if of.dearer else "0.0041"))),
                ),
            },
        ),
        "nights": Plan(
            of.money("10.00"),
            "days",
            {
                "power": Price(
                    "compute",
                    "time_of_day",
                    rates=(("night", of.money("0.0067")),),
                    hours=(22, 6),
                    otherwise=of.money("0.0131"),
                ),
            },
        ),
    }


def _agreed(of: Figures) -> dict[str, Plan]:
    """What is agreed about the sum."""
    return {
        "committed": Plan(
            of.money("12.00"),
            "time",
            {"input": Price("tokens.input", "per_unit", of.money("0.021"))},
            commitment=Commitment(of.money("60.00"), Decimal("1.5")),
        ),
        "bounded": Plan(
            of.money("4.00"), "time", {"calls": of.calls("0.031", 0)}, least=of.money("30.00"), most=of.money("66.60")
        ),
    }


def books(*, dearer: bool = False) -> dict[str, Book]:
    """Answer the books by name: tax on top, tax within, and a currency without cents."""
    return {
        "euros": book("euros", "EUR", 2, 20, inclusive=False, dearer=dearer),
        "dollars": book("dollars", "USD", 2, 7, inclusive=True, dearer=dearer),
        "yen": book("yen", "JPY", 0, 10, inclusive=False, dearer=dearer),
    }

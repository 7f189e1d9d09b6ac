"""Fees of a period: whole, by the time that was served, by days, and with tax."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tests.cases.case import Case, Fields, NotUnderstoodError
from tests.cases.compare import Found
from tests.cases.families.metered import split_of
from tests.cases.question import (
    PRICE,
    THE,
    Answers,
    Body,
    Instead,
    Question,
    asking,
    in_cents,
    major,
    money,
    total_of,
)

NO_TIME = "a period of no length: they charge all of the fee there, we none where nothing was served"
MONTHS = {"monthly": 1, "quarterly": 3, "semiannual": 6, "yearly": 12}
MONTHS_IN_YEAR = 12
WEEK = timedelta(days=7)
DATE = len("2026-01-01")


def flat(case: Case) -> Question:
    """A fee once per period, when it begins or ends."""
    if case.usage.number("quantity", "1") != 1:
        raise NotUnderstoodError("usage.quantity: a fee is owed once, whatever its quantity")
    price = {
        "model": "flat",
        "unit_amount": money(case.price.number("amount")),
        "due": case.price.text("payment_term", "in_advance"),
    }
    return _one({THE: asking({PRICE: price}, [], split=split_of(case.usage))})


def flat_prorated(case: Case) -> Question:
    """A fee by the time that was served of its period."""
    full, served = _range(case.usage, "full_period"), _range(case.usage, "service_period")
    prorate = "time" if case.price.flag("proration_enabled") else "never"
    fee = {"model": "flat", "unit_amount": money(case.price.number("amount"))}
    currency = case.price.text("currency", "USD")

    def bodies(prorate: str, full: Mapping[str, str], **more: Any) -> Mapping[str, Body]:
        return {THE: asking({PRICE: fee | {"prorate": prorate}}, [], currency=currency, **more) | dict(full)}

    whole = Instead(NO_TIME, _one(bodies("never", next((each for each in (full, served) if _lasts(each)), {}))))
    instead = () if _lasts(full) and _lasts(served) else (whole,)
    return _one(bodies(prorate, full, split={"served": served}), *instead)


def _one(bodies: Mapping[str, Body], *instead: Instead) -> Question:
    def found(answers: Answers) -> Mapping[str, Found]:
        return {"total": total_of(answers[THE])}

    return Question(bodies, found, instead)


def _range(usage: Fields, name: str) -> dict[str, str]:
    edges = [each for each in usage.texts(name) if each]
    if len(edges) != len(("from", "to")):
        raise NotUnderstoodError(f"usage.{name}: two instants are needed")
    return {"from": edges[0], "to": edges[1]}


def _lasts(edges: Mapping[str, str]) -> bool:
    return edges["from"] < edges["to"]


def subscription(case: Case) -> Question:
    """A fee by days, with tax where there is one."""
    fee = {"model": "flat", "unit_amount": major(case.price.number("amount_cents")), "prorate": "days"}
    terms = taxed(case.price)
    body = asking({PRICE: fee}, []) | _served(case) | terms

    def found(answers: Answers) -> Mapping[str, Found]:
        answer = answers[THE]
        total, exact = Decimal(answer["total"]), Decimal(answer["exact"])
        known: dict[str, Found] = {"total_cents": in_cents(total), "precise_cents": in_cents(exact)}
        return {**known, **(of_document(answer["document"]) if terms else {})}

    return Question({THE: body}, found)


def taxed(price: Fields) -> Body:
    """Terms with the one tax of a case, or none."""
    if not price.has("tax_percent"):
        return {}
    return {"terms": {"taxes": {"rates": [{"name": "tax", "percent": money(price.number("tax_percent"))}]}}}


def of_document(document: Mapping[str, Any]) -> Mapping[str, Found]:
    """The sums of a whole invoice, in cents."""
    return {
        "net_cents": in_cents(Decimal(document["net"])),
        "tax_cents": in_cents(Decimal(document["tax"])),
        "total_cents": in_cents(Decimal(document["total"])),
    }


def _served(case: Case) -> Body:
    """The share that is billed: told in days, or to be found from dates and the interval."""
    billing, interval = case.price.text("billing", "calendar"), case.price.text("interval", "monthly")
    active = case.usage.texts("active")
    if case.usage.has("billed_days"):
        return {"split": {"share": shared(case.usage)}}
    if not active or active[0] is None:
        raise NotUnderstoodError("usage: neither billed_days nor active")
    first = _day(active[0])
    start = first if billing == "anniversary" else _beginning(first, interval)
    end = _after(start, interval)
    # A date is a day that was served, to its end; an instant is when service ended.
    last = active[1] if len(active) > 1 else None
    ended = end if last is None else _day(last) + timedelta(days=len(last) == DATE)
    served = {"from": _instant(first), "to": _instant(min(ended, end))}
    return {"from": _instant(start), "to": _instant(end), "split": {"served": served}}


def shared(usage: Fields) -> dict[str, str]:
    """So many days of so many."""
    return {"part": money(usage.number("billed_days")), "whole": money(usage.number("period_days"))}


def _day(text: str) -> date:
    return date.fromisoformat(text[:DATE])


def _instant(day: date) -> str:
    return datetime.combine(day, time(), UTC).isoformat()


def _beginning(day: date, interval: str) -> date:
    """The first day of the calendar's interval that a day is in."""
    if interval == "weekly":
        return day - timedelta(days=day.weekday())
    months = _months(interval)
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def _after(start: date, interval: str) -> date:
    """The day on which the next interval begins."""
    if interval == "weekly":
        return start + WEEK
    month = start.year * MONTHS_IN_YEAR + start.month - 1 + _months(interval)
    first = date(month // MONTHS_IN_YEAR, month % MONTHS_IN_YEAR + 1, 1)
    following = date((month + 1) // MONTHS_IN_YEAR, (month + 1) % MONTHS_IN_YEAR + 1, 1)
    return min(first + timedelta(days=start.day - 1), following - timedelta(days=1))


def _months(interval: str) -> int:
    if interval not in MONTHS:
        raise NotUnderstoodError(f"price_definition.interval: {interval!r} is none of weekly, {', '.join(MONTHS)}")
    return MONTHS[interval]


MODELS: Mapping[str, Callable[[Case], Question]] = {
    "flat": flat,
    "flat_prorated": flat_prorated,
    "subscription_prorated": subscription,
    "subscription_prorated+tax": subscription,
}

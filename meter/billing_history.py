"""What was billed month by month? Each invoice belongs to the month of the team's zone that its period began in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple, get_args
from zoneinfo import ZoneInfo

from meter import windows
from meter.database import Connection
from meter.invoices import Status
from meter.model import Team
from meter.rating.money import exact, round_money
from sql import statement

ZERO = Decimal(0)
FINAL: frozenset[Status] = frozenset({"open", "paid", "uncollectible"})


class Billed(NamedTuple):
    """Invoices of one month, currency and status: how many, without and with tax, what is to pay and was credited."""

    start: datetime
    currency: str
    status: Status
    invoices: int
    net: Decimal
    total: Decimal
    to_pay: Decimal
    credited: Decimal


class Sums(NamedTuple):
    """What final invoices in a currency come to, those that are void apart. `net` and `tax` are `total`.

    So are `paid`, by credits or otherwise, `credited` by credit notes, `outstanding`, and `uncollectible` (given up).
    """

    currency: str
    net: Decimal
    tax: Decimal
    total: Decimal
    paid: Decimal
    credited: Decimal
    outstanding: Decimal
    uncollectible: Decimal


class Month(NamedTuple):
    """A month [start, end): how many invoices of each status there are, and sums in each currency asked about."""

    start: datetime
    end: datetime
    invoices: Mapping[Status, int]
    sums: tuple[Sums, ...]


async def read(conn: Connection, team: Team, months: int, now: datetime) -> list[Month]:
    """The last `months` months, the running one first; those without invoices are of zeros."""
    edges = month_edges(ZoneInfo(team.timezone), months, now)
    asked = {"team_id": team.id, "starts": edges[:-1], "ends": edges[1:]}
    rows = await (await conn.execute(statement("sum_invoices_by_month"), asked)).fetchall()
    return history(edges, [Billed._make(row) for row in rows], team.currency)


def month_edges(zone: ZoneInfo, months: int, now: datetime) -> list[datetime]:
    """The instants between which the last so many months lie, oldest first, with the end of the running one."""
    start = windows.floor(now, "month", zone)
    edges = [windows.following(start, "month", zone), start]
    while len(edges) <= months:
        edges.append(windows.preceding(edges[-1], "month", zone))
    return edges[::-1]


def history(edges: Sequence[datetime], billed: Iterable[Billed], otherwise: str) -> list[Month]:
    """Months newest first, each with the currencies that were billed in any of them, or (in none) one other. Pure."""
    found = list(billed)
    currencies = sorted({each.currency for each in found}) or [otherwise]
    months = []
    for start, end in pairwise(edges):
        here = [each for each in found if each.start == start]
        sums = tuple(_sums(currency, [each for each in here if each.currency == currency]) for currency in currencies)
        months.append(Month(start, end, _counts(here), sums))
    return months[::-1]


def _counts(billed: Sequence[Billed]) -> dict[Status, int]:
    return {name: sum(each.invoices for each in billed if each.status == name) for name in get_args(Status)}


@exact()
def _sums(currency: str, billed: Sequence[Billed]) -> Sums:
    nothing = round_money(ZERO, currency)
    final = [each for each in billed if each.status in FINAL]
    net, total, credited = (
        sum((getattr(each, name) for each in final), nothing) for name in ("net", "total", "credited")
    )
    left = {
        status: sum((each.to_pay for each in final if each.status == status), nothing)
        for status in ("open", "uncollectible")
    }
    return Sums(
        currency=currency,
        net=net,
        tax=total - net,
        total=total,
        paid=total - credited - left["open"] - left["uncollectible"],
        credited=credited,
        outstanding=left["open"],
        uncollectible=left["uncollectible"],
    )

"""What people see of a team's usage: by hour, day and member, what changed, and the invoice as it stands. As text.

Told line by line, so that a test can write down by hand what must be seen, to the last digit and cent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from api.invoice_view import InvoiceView, preview_view
from meter import bill, changes, invoices, usage, usage_events
from meter.archive.read import Reader
from meter.corrections import history
from meter.database import Connection
from meter.invoices import Invoice
from meter.ranges import Cut
from meter.rating.money import plain
from meter.rating.periods import Period
from meter.usage import Query
from tests.contract.place import Place, differences

METERS = ("cpu", "network")
OCTOBER = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), "UTC")
NOVEMBER = Period(OCTOBER.end, datetime(2026, 12, 1, tzinfo=UTC), "UTC")


class Seen(NamedTuple):
    """Usage of a period by hour and member, by day, and by member; and what the period costs by now.

    An hour is the day of the month and the hour: `3T23 cpu ann 400`.
    """

    hours: list[str]
    days: list[str]
    members: list[str]
    invoice: list[str]


class Stood(NamedTuple):
    """A period as it was seen, and as of when."""

    seen: Seen
    as_of: datetime


def told(text: str) -> list[str]:
    """Answer the lines of a text, each without its indent."""
    return [line.strip() for line in text.strip().splitlines()]


def to_see(hours: str, days: str, members: str, invoice: str) -> Seen:
    """Answer what must be seen, written down by hand."""
    return Seen(told(hours), told(days), told(members), told(invoice))


async def look(place: Place, period: Period = NOVEMBER) -> Stood:
    """Answer a period as everybody sees it now; the preview and usage say as of the same instant."""
    async with place.pool.connection() as conn:
        hours, as_of = await _usage(conn, place, period, "hour", ("member",))
        days, _ = await _usage(conn, place, period, "day", ())
        members, _ = await _usage(conn, place, period, None, ("member",))
        preview = preview_view(await bill.price(conn, place.team, period))
    assert as_of == preview.as_of
    assert as_of is not None
    assert not preview.unpriced
    return Stood(Seen(hours, days, members, _invoice(preview)), as_of)


async def _usage(
    conn: Connection, place: Place, period: Period, window: Cut | None, by: tuple[str, ...]
) -> tuple[list[str], datetime | None]:
    zone = ZoneInfo(period.zone)
    asked = Query(meters=METERS, start=period.start, end=period.end, zone=zone, window=window, group_by=by)
    found = await usage.read(conn, place.team, asked)
    when = {"hour": "%-dT%H", "day": "%-d", None: ""}[window]
    lines = [
        " ".join([f"{item.start:{when}}" if when else "whole", each.meter.slug, *map(str, item.group), _text(item)])
        for each in found.readings
        for item in each.items
    ]
    return lines, found.as_of


def _text(item: usage.Item) -> str:
    return "none" if item.quantity is None else f"{plain(item.quantity):f}"


def _invoice(shown: InvoiceView) -> list[str]:
    """Lines with quantity, amount and whose they are; what each member pays; the total."""
    lines = [
        f"{line.meter} {line.quantity} {line.amount}: "
        + ", ".join(f"{share.member} {share.amount}" for share in line.members)
        for line in shown.lines
    ]
    members = [
        f"{row.member} {row.amount}: " + ", ".join(f"{meter} {quantity}" for meter, quantity in row.usage.items())
        for row in shown.members
    ]
    return [*lines, *members, f"total {shown.total}"]


async def noted(place: Place) -> datetime:
    """Note what is visible, and answer an instant after that."""
    async with place.pool.connection() as conn:
        await changes.tick(conn)
    return datetime.now(UTC)


async def changed(place: Place, since: datetime, start: datetime) -> list[str]:
    """Answer what changed since an instant from `start` on: hour, meter, what came, what was corrected."""
    async with place.pool.connection() as conn:
        page = await changes.read(conn, place.team, changes.Query(since, start, NOVEMBER.end), None, 100)
    return [_change(each) for each in page.hours]


def _change(hour: changes.Changed) -> str:
    said = [f"{hour.place.hour:%-dT%H} {hour.place.meter}:"]
    if hour.came:
        said.append(f"{hour.came} came {hour.quantity:f}")
    if hour.corrected:
        said.append(f"{hour.corrected} from {hour.before:f} to {hour.after:f}")
    return " ".join(said)


async def final(place: Place, made: bill.Outcome) -> Invoice:
    """Answer an invoice as it was made, whole."""
    async with place.pool.connection() as conn:
        found = await invoices.get(conn, made.public_id, place.team.id)
    assert found is not None
    return found


async def drilled(place: Place, period: Period, archive: Reader | None) -> list[tuple[datetime, str, str, Decimal]]:
    """Answer the events that a period's usage is made of: time, meter, member, quantity."""
    asked = usage_events.Query(start=period.start, end=period.end)
    async with place.pool.connection() as conn:
        page = await usage_events.read(conn, place.team, asked, None, 100, archive)
    assert page.next is None
    return [(each.place.time, each.series.meter, str(each.series.member), each.quantity) for each in page.events]


async def corrected(place: Place) -> list[str]:
    """Answer which corrections were made, newest first: kind, how many events, reason (not of which backfill)."""
    async with place.pool.connection() as conn:
        found = await history.corrections(conn, place.team.id, None, None, None, 100)
    return [f"{each.kind} {each.events}: {each.reason.split(': ')[-1]}" for each in found]


async def right(place: Place, floor: datetime | None) -> bool:
    """Answer whether buckets say what raw events do, at this very moment, from where raw events are kept."""
    async with place.pool.connection() as conn:
        return [row for row in await differences(conn) if floor is None or row[3] >= floor] == []

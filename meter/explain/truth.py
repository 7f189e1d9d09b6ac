"""What each line of an invoice is made of, kept with it: events, coverage, and a digest of all it states."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from meter.coverage import read as coverages
from meter.coverage.read import Asked, Rule
from meter.coverage.share import Counts, together
from meter.database import Connection
from meter.explain.behind import events_of, meters_of, price_of
from meter.explain.digest import digest, stated
from meter.ingest import load_meters
from meter.invoices import Settled, settled_of
from meter.rating.line import Line
from meter.spans import Span

if TYPE_CHECKING:
    from meter.bill import Draft  # which keeps it


class Truth(msgspec.Struct, frozen=True):
    """How many events are behind a line, how much of the expected time has data (None: nothing expected), its digest.

    All is None of a line that was written before there were any.
    """

    events: int | None
    coverage: Decimal | None
    digest: str | None


async def of_draft(conn: Connection, draft: Draft, public_id: UUID, now: datetime) -> list[Truth]:
    """The truth of each line of a draft that is written as this invoice; coverage as it is known now."""
    document, agreement = draft.document, draft.agreement
    lines = [each.line for each in document.lines]
    prices = [price_of(agreement, line) for line in lines]
    wanted: list[tuple[Span, tuple[str, ...]] | None] = [
        (Span(line.start, line.end), meters_of(price)) if price and line.start and line.end else None
        for line, price in zip(lines, prices, strict=True)
    ]
    spans = dict.fromkeys(each[0] for each in wanted if each)
    found = {span: await _coverage(conn, draft, span, now) for span in spans}
    shares = [
        together(found[each[0]].get(meter, _NONE) for meter in each[1]).share if each else None for each in wanted
    ]
    return [
        _truth(public_id, number, each, events_of(agreement, draft.billable.parts, each[0]), share)
        for number, (each, share) in enumerate(
            zip(zip(lines, settled_of(document), strict=True), shares, strict=True), 1
        )
    ]


_NONE = Counts(0, 0)


def _truth(public_id: UUID, number: int, line: tuple[Line, Settled], events: int, coverage: Decimal | None) -> Truth:
    return Truth(events, coverage, digest(stated(public_id, number, *line, events, coverage)))


async def _coverage(conn: Connection, draft: Draft, span: Span, now: datetime) -> Mapping[str, Counts]:
    """Of each meter that is billed, how much of the time that its series were expected to report has data."""
    team_id, series = draft.team.id, draft.billable.series
    meters = await load_meters(conn, team_id)
    numbers = {slug: number for number, slug in enumerate(dict.fromkeys(slug for _, slug in series))}
    rules = {
        number: Rule(meters[slug].expected_every_seconds, meters[slug].time_weighted)
        for slug, number in numbers.items()
    }
    asked = Asked(team_id, {id_: numbers[slug] for id_, slug in series}, rules, [span], span)
    cover = await coverages.read(conn, asked, now)
    if cover is None:
        return {}
    return {slug: cover.items[0, number] for slug, number in numbers.items() if (0, number) in cover.items}

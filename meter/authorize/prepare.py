"""Before a batch holds anything: ids of names, rows of events, and the limits and counters each request looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from meter import facts
from meter.authorize.requests import Ask, Release, Reservation, Settle
from meter.authorize.terms import Terms
from meter.authorize.verdicts import account_of, keys_of, path_of
from meter.database import Connection
from meter.errors import EventsRefused, NotFound
from meter.facts import Defaults, Horizon, Row, microseconds
from meter.ingest import AHEAD
from meter.limits.path import CounterKey, Limit, Use
from meter.model import Caller, Event, Meter, Refusal, Rejection
from meter.rating.money import exact
from meter.rows import Wire
from meter.series import is_billable
from sql import statement

MOST_NAMES = 100_000
ESTIMATE = "estimate"


class Wanted(NamedTuple):
    """What one request needs: the use that is decided about, the limits on its way, its account; rows to store."""

    request: Ask | Settle | Release
    terms: Terms | None
    use: Use | None
    path: tuple[Limit, ...]
    account_id: int | None
    reservation: Reservation | None
    event: Event | None
    rows: tuple[Row, ...]
    wires: tuple[Wire, ...] = ()

    @property
    def given(self) -> Mapping[str, Decimal]:
        """What its event says of each meter, as it says it."""
        found = {} if self.event is None or self.terms is None else facts.pairs(self.event, self.terms.meters)
        return {} if isinstance(found, Refusal) else found

    @property
    def keys(self) -> set[CounterKey]:
        """The counters it looks at, beside those of the reservation."""
        return keys_of(self.path)


class Names:
    """Ids of members and services, remembered: they never change. An unknown one is registered."""

    def __init__(self) -> None:
        """Knows of none yet."""
        self._ids: dict[tuple[int, str, str], int] = {}

    async def ids(self, conn: Connection, team_id: int, member: str | None, service: str | None) -> tuple[int, int]:
        """The ids of a member and a service of a team, 0 for none."""
        found = self.known(team_id, member, service)
        if (member and not found[0]) or (service and not found[1]):
            await self._register(conn, team_id, member, service)
            return self.known(team_id, member, service)
        return found

    def known(self, team_id: int, member: str | None, service: str | None) -> tuple[int, int]:
        """The same as far as they are known, 0 for others too."""
        return self._ids.get((team_id, "member", member or ""), 0), self._ids.get(
            (team_id, "service", service or ""), 0
        )

    async def _register(self, conn: Connection, team_id: int, member: str | None, service: str | None) -> None:
        members, services = [member] if member else [], [service] if service else []
        asked = {"team_id": team_id, "user_ids": members, "slugs": services}
        found = await (await conn.execute(statement("find_members_and_services"), asked)).fetchall()
        if len(found) < len(members) + len(services):
            async with conn.transaction():
                for name in ("register_members", "register_services"):
                    await conn.execute(statement(name), asked)
            found = await (await conn.execute(statement("find_members_and_services"), asked)).fetchall()
        if len(self._ids) >= MOST_NAMES:
            self._ids.clear()
        self._ids.update({(team_id, kind, name): one for kind, name, one in found})


async def ask(conn: Connection, names: Names, terms: Terms, request: Ask) -> Wanted:
    """What an ask needs. Raises EventsRefused for an estimate that could be no event."""
    event, quantities = _estimate(terms, request)
    ids = await names.ids(conn, terms.team.id, event.member or request.caller.member, event.service)
    use = Use(*ids, request.caller.key_id, request.at, quantities)
    if request.caller.internal:
        return Wanted(request, terms, use, (), None, None, None, ())
    return Wanted(request, terms, use, path_of(terms, use), account_of(terms, use), None, None, ())


def guessed(names: Names, terms: Terms, request: Ask) -> Use:
    """The use of an ask as far as names are known without asking. Raises EventsRefused."""
    event, quantities = _estimate(terms, request)
    ids = names.known(terms.team.id, event.member or request.caller.member, event.service)
    return Use(*ids, request.caller.key_id, request.at, quantities)


def _estimate(terms: Terms, request: Ask) -> tuple[Event, dict[str, Decimal]]:
    """What is asked for, as an event and in stored units."""
    event = msgspec.structs.replace(request.estimate, id=ESTIMATE, time=request.at, quantity=_guess(request, terms))
    rows = () if _nothing(event) else _rows(event, terms, request.caller.member, request.at, timedelta(0))
    return event, _quantities(rows, terms.meters, request.caller)


def settle(terms: Terms, request: Settle, found: Reservation | None, past: timedelta) -> Wanted:
    """What a settle needs: its event gets the reservation's id, time, member and service where it brings none.

    Raises NotFound for another team's or key's reservation, EventsRefused for an event that can't be stored.
    """
    if found is None or found.team_id != terms.team.id or found.key_id != request.caller.key_id:
        raise NotFound("this key has no such reservation")
    given = request.event
    event = msgspec.structs.replace(
        given,
        id=given.id or str(found.public_id),
        time=given.time or found.at,
        member=given.member or found.member,
        service=given.service or found.service,
    )
    rows = _rows(event, terms, None, request.at, past)
    named = request.caller.member or found.member
    if (event.member, event.service) != (found.member, found.service) or named != found.member:
        raise EventsRefused("its member and service are those it was authorized for; leave them out")
    quantities = _quantities(rows, terms.meters, request.caller)
    use = Use(found.member_id, found.service_id, found.key_id, _time(event), quantities)
    if request.caller.internal:
        return Wanted(request, terms, use, (), None, found, event, rows)
    return Wanted(request, terms, use, path_of(terms, use), account_of(terms, use), found, event, rows)


def release(request: Release, found: Reservation | None) -> Wanted:
    """What a release needs. Raises NotFound for another team's reservation."""
    if found is None or request.team_id not in (None, found.team_id):
        raise NotFound("there is no such reservation")
    return Wanted(request, None, None, (), None, found, None, ())


def _guess(request: Ask, terms: Terms) -> int | Decimal | None:
    """How much is asked for: nothing of a meter that is named alone, but for one that counts events."""
    named = terms.meters.get(request.estimate.meter or "")
    if request.estimate.quantity is None and named is not None and not named.counts_events:
        return Decimal(0)
    return request.estimate.quantity


def _nothing(event: Event) -> bool:
    """Whether an estimate says nothing at all."""
    return event.meter is None and event.quantity is None and event.quantities is None


def _time(event: Event) -> datetime:
    if event.time is None:
        raise TypeError("an event of a reservation has a time")
    return event.time


def _rows(event: Event, terms: Terms, member: str | None, now: datetime, past: timedelta) -> tuple[Row, ...]:
    """The rows of an event, as ingest makes them, of this member where it names none.

    Raises EventsRefused, with the event's code among `rejected`.
    """
    horizon = Horizon(microseconds(now - past), microseconds(now + AHEAD))
    defaults = Defaults(member, None, {}, ZoneInfo(terms.team.timezone))
    made = facts.rows(event, 0, terms.meters, horizon, defaults)
    if not isinstance(made, Refusal):
        bad = next((bad for row in made if (bad := facts.series_refusal(row.series, terms.meters))), None)
        if bad is None:
            return tuple(made)
        made = bad
    raise refused(made)


def refused(refusal: Refusal) -> EventsRefused:
    """The problem of an event that can't be stored."""
    return EventsRefused(refusal.detail, rejected=[Rejection(0, refusal.code, refusal.detail)])


@exact()
def _quantities(rows: Sequence[Row], meters: Mapping[str, Meter], caller: Caller) -> dict[str, Decimal]:
    """What rows count per meter, in stored units; what is never billed counts nothing."""
    found: dict[str, Decimal] = {}
    for row in rows:
        meter = meters[row.series.meter]
        if is_billable(row.series, meter, caller):
            many = Decimal(1) if meter.counts_events else row.quantity
            found[meter.slug] = found.get(meter.slug, Decimal(0)) + many
    return found

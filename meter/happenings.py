"""Things that happened (CloudEvents, Lago's events): made into events by the team's mapping, and counted as those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from meter.database import Pool, lent
from meter.errors import BatchTooLarge
from meter.ingest import Ingest, load_meters
from meter.mapping.event_rules import EventRule
from meter.mapping.occurrences import events_of
from meter.mapping.route import Unmapped
from meter.mapping.store import MappingCache
from meter.mapping.unmapped import NOT_NOTED, Left, note
from meter.model import Caller, Event, Meter, Receipt, Refusal, Rejection, Team
from meter.streams import Occurrence

MOST_MADE = 40_000


class Counted(NamedTuple):
    """What became of a body: events made of it that were new, that were there before, and what was left out on purpose.

    `rejected` are told by the index of what happened; `unmapped` made no event by any rule, and why.
    """

    accepted: int
    duplicates: int
    ignored: int
    rejected: list[Rejection]
    unmapped: list[Rejection]

    def receipt(self) -> Receipt:
        """The same as a receipt, which takes what no rule takes for rejected."""
        rejected = sorted([*self.rejected, *self.unmapped], key=lambda each: each.index)
        return Receipt(self.accepted, self.duplicates, rejected)


class Happenings:
    """The way in for things that happened: one per process, in front of the one for events."""

    def __init__(self, pool: Pool, ingest: Ingest) -> None:
        """Reads mappings through `pool`, and counts through `ingest`."""
        self._pool = pool
        self._ingest = ingest
        self._mappings = MappingCache()

    async def take(
        self, team: Team, caller: Caller, source: str, happened: Sequence[Occurrence | Rejection], now: datetime
    ) -> Counted:
        """Counts each event that the mapping makes exactly once, and notes what it makes none of.

        Raises BatchTooLarge, and Busy when nothing could be committed; the same body may then be sent again.
        """
        async with lent(self._pool) as conn:
            meters = await load_meters(conn, team.id)
            rules = await self._mappings.of(conn, team.id)
        made: list[Event | Rejection] = []
        places: list[int] = []
        left: list[Left] = []
        unmapped: list[Rejection] = []
        ignored = 0
        for index, each in enumerate(happened):
            parts = _parts(each, rules.events, meters)
            if not isinstance(parts, Unmapped):
                ignored += not parts
                made += [_placed(one, len(made) + n) for n, one in enumerate(parts)]
                places += [index] * len(parts)
                if len(made) > MOST_MADE:
                    raise BatchTooLarge(f"more than {MOST_MADE} events come of one body by the rules; send fewer")
            elif isinstance(each, Occurrence):
                left.append(Left(each.type, parts, 1, "", each.data))
                unmapped.append(Rejection(index, parts.reason, parts.detail))
        receipt = await self._ingest.take(team, caller, made, now)
        await self._note(team, source, left, now)
        rejected = [Rejection(places[each.index], each.code, each.detail) for each in receipt.rejected]
        return Counted(receipt.accepted, receipt.duplicates, ignored, rejected, unmapped)

    async def _note(self, team: Team, source: str, left: Sequence[Left], now: datetime) -> None:
        if not left:
            return
        async with lent(self._pool, NOT_NOTED) as conn:
            await note(conn, team.id, source, left, now)


def _parts(
    each: Occurrence | Rejection, rules: Sequence[EventRule], meters: Mapping[str, Meter]
) -> Sequence[Event | Refusal | Rejection] | Unmapped:
    """The events that something makes, or why it makes none."""
    return [each] if isinstance(each, Rejection) else events_of(each, rules, meters)


def _placed(one: Event | Refusal | Rejection, index: int) -> Event | Rejection:
    """An event as the way in for events takes it; what can't be one keeps its reason."""
    return one if isinstance(one, Event) else Rejection(index, one.code, one.detail)

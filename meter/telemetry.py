"""Bodies of points, whatever the protocol: routed by the team's mapping, counted, and what no rule takes listed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from meter.database import Connection, Pool, lent
from meter.ingest import load_meters
from meter.mapping.route import Ignored, Mapped, Target, Unmapped, route
from meter.mapping.store import MappingCache, Rules
from meter.mapping.unmapped import LONGEST_NAME, MOST_NAMES, NOT_NOTED, Left, note, storable
from meter.model import Caller, Meter, Team
from meter.points.take import Points
from meter.replicas import elected
from meter.streams import Description, Kind, Refused, Stream, Telemetry
from sql import statement

CACHED_ROUTES = 200_000
CACHED_DESCRIPTIONS = 50_000
LONGEST_HELP = 1_000
DESCRIBED_AGAIN = timedelta(seconds=60)
Circumstances = tuple[int, int, str, tuple[tuple[int, int], ...], str | None]
"""What a route depends on beside its stream: team, version of the mapping, source, meters, member."""


class Outcome(NamedTuple):
    """What became of a body, in points: new, there before, left out on purpose, sent by another replica too.

    `unmapped` makes no usage by any rule, by name; `refused` can't be counted, by name, with code and detail.
    """

    accepted: int
    duplicates: int
    ignored: int
    repeated: int
    unmapped: dict[str, int]
    refused: list[Refused]


class Intake:
    """The one way in for telemetry, one per process: remembers where streams count to."""

    def __init__(self, pool: Pool, past_days: int) -> None:
        """Takes points through `pool`; their times may lie `past_days` back."""
        self._pool = pool
        self._points = Points(pool, past_days)
        self._mappings = MappingCache()
        self._routes: dict[Circumstances, dict[tuple[bytes, Kind], Target]] = {}
        self._said: dict[tuple[int, str], dict[str, Description]] = {}
        self._described: dict[tuple[int, str], tuple[datetime, dict[str, Kind]]] = {}

    async def take(self, team: Team, caller: Caller, source: str, telemetry: Telemetry, now: datetime) -> Outcome:
        """Counts what the mapping takes, and notes what it does not.

        Raises Busy when not all of it could be committed; the same body may then be sent again.
        """
        async with lent(self._pool) as conn:
            await self._note_described(conn, team.id, source, telemetry.described)
            meters = await load_meters(conn, team.id)
            rules = await self._mappings.of(conn, team.id)
            kinds = await self._kinds(conn, team.id, source, now)
            streams = await elected(conn, team.id, telemetry.streams, now)
        routed = self._route(team, caller, source, streams, (rules, meters, kinds))
        mapped = [(stream, target) for stream, target in routed if isinstance(target, Mapped)]
        tally = await self._points.take(team, caller, source, mapped, meters, now)
        await self._note_unmapped(team, source, routed, now)
        unmapped: dict[str, int] = defaultdict(int)
        for stream, target in routed:
            if isinstance(target, Unmapped):
                unmapped[stream.name] += len(stream.points)
        counts = tally.refused.items()
        return Outcome(
            tally.accepted,
            tally.duplicates,
            sum(len(stream.points) for stream, target in routed if isinstance(target, Ignored)),
            _points(telemetry.streams) - _points(streams),
            dict(unmapped),
            [*telemetry.refused, *(Refused(name, n, code, why, field) for (name, field, code, why), n in counts)],
        )

    def _route(
        self,
        team: Team,
        caller: Caller,
        source: str,
        streams: Sequence[Stream],
        by: tuple[Rules, dict[str, Meter], dict[str, Kind]],
    ) -> list[tuple[Stream, Target]]:
        """Each stream with where it counts to; a stream is looked at once under the same circumstances."""
        rules, meters, kinds = by
        versions = tuple([(meter.id, meter.version) for meter in meters.values()])
        known = self._known((team.id, rules.version, source, versions, caller.member))
        found: list[tuple[Stream, Target]] = []
        for stream in streams:
            target = known.get((stream.identity, stream.kind))
            if target is None:
                target = route(stream, rules.streams, meters, kinds.get(stream.name), caller.member)
                known[stream.identity, stream.kind] = target
            found.append((stream, target))
        return found

    def _known(self, circumstances: Circumstances) -> dict[tuple[bytes, Kind], Target]:
        if sum(map(len, self._routes.values())) > CACHED_ROUTES:
            self._routes.clear()
        return self._routes.setdefault(circumstances, {})

    async def _kinds(self, conn: Connection, team_id: int, source: str, now: datetime) -> dict[str, Kind]:
        """What senders have said of metrics apart from their points; looked up again after a while."""
        kept = self._described.get((team_id, source))
        if kept is not None and kept[0] > now - DESCRIBED_AGAIN:
            return kept[1]
        found = await kinds_of(conn, team_id, source)
        if kept is not None and kept[1] != found:
            self._routes.clear()
        self._described[team_id, source] = now, found
        return found

    async def _note_described(
        self, conn: Connection, team_id: int, source: str, described: Sequence[Description]
    ) -> None:
        """Keeps what a sender says of metrics apart from their points; what it said before, it need not be asked."""
        said = self._said.setdefault((team_id, source), {})
        cut = {storable(each.name)[:LONGEST_NAME]: each for each in described}
        new = {name: each for name, each in cut.items() if said.get(name) != each}
        if not new:
            return
        parameters = {
            "team_id": team_id,
            "source": source,
            "most": MOST_NAMES,
            "names": list(new),
            "kinds": [each.kind for each in new.values()],
            "units": [storable(each.unit)[:LONGEST_NAME] for each in new.values()],
            "helps": [storable(each.help)[:LONGEST_HELP] for each in new.values()],
        }
        await conn.execute(statement("note_described"), parameters)
        if sum(map(len, self._said.values())) > CACHED_DESCRIPTIONS:
            self._said.clear()
        said.update(new)

    async def _note_unmapped(
        self, team: Team, source: str, routed: Sequence[tuple[Stream, Target]], now: datetime
    ) -> None:
        """Counts what no rule takes, by name and reason."""
        left = [
            Left(stream.name, target, len(stream.points), stream.unit, stream.labels)
            for stream, target in routed
            if isinstance(target, Unmapped)
        ]
        if not left:
            return
        async with lent(self._pool, NOT_NOTED) as conn:
            await note(conn, team.id, source, left, now)


async def kinds_of(conn: Connection, team_id: int, source: str) -> dict[str, Kind]:
    """What senders have said of the kind of their metrics, apart from their points."""
    asked = {"team_id": team_id, "source": source}
    return dict(await (await conn.execute(statement("list_described"), asked)).fetchall())


def _points(streams: Sequence[Stream]) -> int:
    return sum(len(stream.points) for stream in streams)

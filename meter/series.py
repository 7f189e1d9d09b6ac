"""From what tells usage apart (team, member, service, meter, key, billable, dimensions) to the id that rows carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import cast
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from meter.copy_rows import series_cell
from meter.database import Connection
from meter.errors import Busy
from meter.model import Caller, Meter, SeriesKey
from meter.statuses import STATUS, billed
from sql import statement

CACHED_SERIES = 200_000
_encode = msgspec.json.Encoder(order="deterministic").encode


class Cells(dict[tuple[str | None, ...], bytes]):
    """Series as COPY takes them, by the labels of a plain event as they came: meter, member, service, names, values.

    Looking one up costs half of what its SeriesKey does. Raises KeyError for a series not known yet.
    """

    def __init__(self, series: Mapping[SeriesKey, int]) -> None:
        """Finds in `series` what was not asked for before."""
        super().__init__()
        self._series = series

    def __missing__(self, labels: tuple[str | None, ...]) -> bytes:
        """The cell of a series that was resolved in the meantime."""
        meter, member, service, *named = labels
        half = len(named) // 2
        dimensions = tuple(sorted(zip(named[:half], named[half:], strict=True)))
        known = cast("Mapping[tuple[object, ...], int]", self._series)  # a tuple equals its named twin
        cell = self[labels] = series_cell(known[meter, member, service, dimensions, False])
        return cell


class Known:
    """Series ids found under the rules of these meters (id and version); a request under other rules has its own."""

    def __init__(self, meters: tuple[tuple[int, int], ...]) -> None:
        """Knows of none yet. Add to `series` what is resolved under the same meters."""
        self.meters = meters
        self.series: dict[SeriesKey, int] = {}
        self.cells = Cells(self.series)

    def __len__(self) -> int:
        """How much is remembered."""
        return len(self.series) + len(self.cells)


class SeriesCache:
    """The series ids that a process remembers between batches; starts anew when there are more than CACHED_SERIES."""

    def __init__(self) -> None:
        """Starts empty."""
        self._known: dict[tuple[int, int], Known] = {}

    def of(self, team_id: int, key_id: int, meters: Mapping[str, Meter]) -> Known:
        """The series of a team and key that are known under these very meters; changed ones, and all else, anew."""
        if sum(map(len, self._known.values())) >= CACHED_SERIES:
            self._known.clear()
        rules = tuple([(meter.id, meter.version) for meter in meters.values()])
        known = self._known.get((team_id, key_id))
        if known is None or known.meters != rules:
            known = self._known[team_id, key_id] = Known(rules)
        return known


def _identity(key: SeriesKey, meter: Meter, caller: Caller, *, billable: bool) -> UUID:
    named = (meter.id, key.member, key.service, caller.key_id, billable, key.dimensions)
    return UUID(bytes=blake2b(_encode(named), digest_size=16).digest())


def is_billable(key: SeriesKey, meter: Meter, caller: Caller) -> bool:
    """Whether what is counted in this series may be billed: not under an internal key, nor of a call that failed."""
    status = dict(key.dimensions).get(STATUS)
    return not caller.internal and not key.failed and billed(status, meter.billable_statuses)


async def resolve(
    conn: Connection, team_id: int, caller: Caller, keys: Iterable[SeriesKey], meters: Mapping[str, Meter]
) -> dict[SeriesKey, int]:
    """The id of each series, made where missing along with its member and service, in a transaction of its own.

    Rows go in in key order, so that two writers of the same new series wait for each other and never deadlock. Two keys
    may be one series: under an internal key nothing is billed, whatever its status.

    Raises:
        Busy: a meter was changed since `meters` were read; its first series must not be counted by its old rules.
    """
    identities: dict[SeriesKey, UUID] = {}
    wanted: dict[UUID, tuple[SeriesKey, bool]] = {}
    for key in keys:
        billable = is_billable(key, meters[key.meter], caller)
        identities[key] = _identity(key, meters[key.meter], caller, billable=billable)
        wanted[identities[key]] = key, billable
    ordered = sorted(wanted)
    named = [wanted[identity][0] for identity in ordered]
    parameters = {
        "team_id": team_id,
        "key_id": caller.key_id,
        "billable": [wanted[identity][1] for identity in ordered],
        "identities": ordered,
        "meters": [meters[key.meter].id for key in named],
        "members": [key.member for key in named],
        "services": [key.service for key in named],
        "dimensions": [Jsonb(dict(key.dimensions)) for key in named],
        "user_ids": sorted({key.member for key in named if key.member is not None}),
        "slugs": sorted({key.service for key in named if key.service is not None}),
    }
    async with conn.transaction():
        await _hold(conn, {meters[key.meter] for key in named})
        for name in ("register_members", "register_services", "register_series"):
            await conn.execute(statement(name), parameters)
        found = await (await conn.execute(statement("find_series"), parameters)).fetchall()
    ids: dict[UUID, int] = dict(found)
    return {key: ids[identity] for key, identity in identities.items()}


async def _hold(conn: Connection, meters: Iterable[Meter]) -> None:
    """Keeps meters as they are until commit: whoever changes one afterwards sees that it is in use."""
    known = {meter.id: meter.version for meter in meters}
    held = await (await conn.execute(statement("hold_meters"), {"meters": list(known)})).fetchall()
    if dict(held) != known:
        raise Busy("a meter was changed at this very moment; send it again")

"""What a batch holds: everything that its requests may touch, as it stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from meter.authorize.requests import Reservation
from meter.authorize.terms import Terms, Versions
from meter.authorize.till import Till


class Holding(NamedTuple):
    """Counters and wallets as they stand; reservations by id; `floor_us`: since when usage is taken.

    `stored` are the rows, by team, time and id, that are there already, each with whether it says the same. `missing`
    are counters that were forgotten since, as their windows are long over.
    """

    till: Till
    reservations: dict[int, Reservation]
    versions: dict[int, Versions]
    floor_us: int
    stored: dict[tuple[int, int, bytes], bool]
    missing: list[int]

    def stale(self, terms: Iterable[Terms]) -> list[int]:
        """The teams about which something else is true by now."""
        return [each.team.id for each in terms if self.versions.get(each.team.id) != each.versions]

"""What are a team's meters expected to come to in the billing period that runs? As the worker found out ahead."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from meter import results
from meter.database import Connection
from meter.past import JOB
from meter.rating.periods import Period

BANDS: Final = ("low80", "high80", "low95", "high95")


class Expected(NamedTuple):
    """What a meter comes to in the whole period, in its unit, by its forecast; an edge is None where none is known."""

    made_at: datetime
    mean: Decimal
    low80: Decimal | None
    high80: Decimal | None
    low95: Decimal | None
    high95: Decimal | None

    def at_least(self, used: Decimal) -> Expected:
        """The same, of which so much was used by now: a forecast made before does not know it."""
        low80, high80, low95, high95 = (
            None if edge is None else max(edge, used) for edge in (self.low80, self.high80, self.low95, self.high95)
        )
        return Expected(self.made_at, max(self.mean, used), low80, high80, low95, high95)


async def read(
    conn: Connection, team_id: int, meters: Collection[str], period: Period, now: datetime
) -> dict[str, Expected]:
    """What some meters come to in a period; those of which nobody made a forecast of just that lately are left out."""
    there = await results.of_subjects(conn, team_id, JOB, sorted(meters))
    found = {
        meter: _expected(each.body, each.made_at, period.end)
        for meter, each in there.items()
        if now - each.made_at <= results.LATELY
    }
    return {meter: each for meter, each in found.items() if each is not None}


def _expected(body: Mapping[str, Any], made_at: datetime, end: datetime) -> Expected | None:
    """The forecast of a period that ends then."""
    total = body.get("total")
    if total is None or total["mean"] is None or datetime.fromisoformat(total["to"]) != end:
        return None
    bands = {edge: None if total[edge] is None else Decimal(total[edge]) for edge in BANDS}
    return Expected(made_at, Decimal(total["mean"]), **bands)

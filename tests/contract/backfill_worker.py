"""A worker that does nothing but backfills, slice by small slice: a process that tests may kill.

python -m tests.contract.backfill_worker URL
"""

from __future__ import annotations

import asyncio
import sys

from meter.backfill.work import Pace, turn
from meter.database import connect
from tests.contract.place import NOW


async def work(url: str) -> None:
    """Go on until there is nothing to do."""
    async with await connect(url, autocommit=True) as conn:
        await turn(conn, NOW, Pace(turn_s=60.0, pause=0.0, rows=20))


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))

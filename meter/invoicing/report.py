"""What did a billing run do? Written while it goes on, so that one that is killed has told what it had come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, Literal, NamedTuple

from uuid_utils.compat import uuid7

from meter.database import Connection
from meter.invoicing.run import Skipped, Told
from sql import statement

AT_ONCE: Final = 20
"""How many results are kept together: a commit for each would be one more for every invoice."""

Origin = Literal["command", "worker"]
Kind = Literal["billed", "draft", "there", "skipped", "failed"]
KINDS: Final[tuple[Kind, ...]] = ("billed", "draft", "there", "skipped", "failed")


class Asked(NamedTuple):
    """Who asked for a run, in which words, and for which month: its first day, None for all that has ended."""

    origin: Origin
    said: str
    month: date | None = None


WORKER: Final = Asked("worker", "what had ended")
THRESHOLDS: Final = Asked("worker", "what had reached a threshold")


class Report:
    """The report of a run that goes on."""

    def __init__(self, conn: Connection, run_id: int) -> None:
        """Begun by `begin`; `conn` in autocommit mode, or all of it is one transaction's."""
        self._conn = conn
        self._run_id = run_id
        self._waiting: list[Told | Skipped] = []

    async def add(self, results: Iterable[Told | Skipped], now: datetime) -> None:
        """Tells what came of a team; kept with the next few."""
        self._waiting += results
        if len(self._waiting) >= AT_ONCE:
            await self._keep(now)

    async def end(self, now: datetime) -> None:
        """The run came to its end, whatever it met with."""
        await self._keep(now)
        await self._conn.execute(statement("end_billing_run"), {"run_id": self._run_id, "now": now})

    async def _keep(self, now: datetime) -> None:
        if self._waiting:
            named = columns(self._waiting) | {"run_id": self._run_id, "now": now}
            await self._conn.execute(statement("keep_billing_run_results"), named)
        self._waiting = []


async def begin(conn: Connection, asked: Asked, now: datetime) -> Report:
    """A run begins."""
    row = asked._asdict() | {"public_id": uuid7(), "now": now}
    run_id: int = (await (await conn.execute(statement("begin_billing_run"), row)).fetchall())[0][0]
    return Report(conn, run_id)


async def keep(conn: Connection, asked: Asked, told: Sequence[Told], now: datetime) -> None:
    """The report of a run that is over; of one that neither made nor missed anything there is none."""
    if all(each.came == "there" for each in told):
        return
    async with conn.transaction():
        report = await begin(conn, asked, now)
        await report.add(told, now)
        await report.end(now)


def columns(results: Sequence[Told | Skipped]) -> dict[str, list[object]]:
    """Results by column, as the statement takes them."""
    periods = [each.period for each in results]
    made = [each.invoice for each in results]
    return {
        "teams": [each.team.id for each in results],
        "starts": [period and period.start for period in periods],
        "ends": [period and period.end for period in periods],
        "came": [each.came for each in results],
        "whys": [each.why for each in results],
        "invoices": [invoice and invoice.public_id for invoice in made],
        "numbers": [invoice and invoice.number for invoice in made],
        "currencies": [invoice and invoice.currency for invoice in made],
        "totals": [invoice and invoice.total for invoice in made],
    }

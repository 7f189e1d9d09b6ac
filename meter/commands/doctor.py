"""`meter doctor`: does everything add up?"""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from meter.commands.command import FOUND_SOMETHING, Command, Page
from meter.commands.with_database import database, url_of
from meter.settings import Settings


def run(settings: Settings, _options: Namespace) -> int:
    """Runs the checks and shows what each found."""
    from meter import checks
    from meter.database import connect
    from meter.migrate import check_current

    async def look(url: str) -> list[checks.Finding]:
        async with await connect(url, autocommit=True) as conn:
            await check_current(conn)
            return await checks.run(conn, datetime.now(UTC))

    with database(settings) as opened:
        found = asyncio.run(look(url_of(opened)))
    _show(found)
    return 0 if all(finding.holds for finding in found) else FOUND_SOMETHING


def _show(found: Sequence[Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("check", "result", "what must hold", show_lines=True)
    for finding in found:
        result = "[green]holds" if finding.holds else f"[red]{finding.unfinished or f'{len(finding.rows)} found'}"
        table.add_row(finding.name, result, finding.says)
    console = Console()
    console.print(table)
    for finding in found:
        for row in finding.rows:
            console.print(
                f"{finding.name}: {', '.join(f'{name} {value}' for name, value in row.items())}", markup=False
            )


COMMAND = Command(
    Page(
        "doctor",
        "Check that everything adds up",
        "Runs every query of sql/check: each states what must always hold, such as buckets that equal the raw events, "
        "and lists what does not. It reads only, and may run beside the service at any time.",
        (("meter doctor", "the embedded database of METER_DATA_DIR, also while `meter serve` runs"),),
        ("DATABASE_URL", "METER_DATA_DIR"),
        {FOUND_SOMETHING: "a check found something, or could not finish: the rows are listed"},
    ),
    run,
)

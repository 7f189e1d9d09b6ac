"""What to look at first: the demo's result as a table for people, or one object for programs."""

from __future__ import annotations

from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from meter.demo.build import Bill
from meter.demo.state import State
from meter.demo.world import COMPANIES


class Made(NamedTuple):
    """A demo that stands: its address, the operator's key, its teams, and the last month's bill of each by slug."""

    url: str
    operator_key: str
    state: State
    bills: dict[str, Bill]

    def answer(self) -> dict[str, str]:
        """The first team's facts, for programs."""
        first = COMPANIES[0].slug
        team, bill = self.state.teams[first], self.bills[first]
        return {
            "url": self.url,
            "operator_key": self.operator_key,
            "team": team.id,
            "team_key": team.key,
            "invoice": bill.id,
            "total": bill.total,
            "pdf": str(bill.pdf),
        }


def show(made: Made, console: Console, took_s: float) -> None:
    """Prints the table, and a first request to try."""
    table = Table("team", "pays by", "its key", "last month", title=f"Hourmeter demo, ready after {took_s:.0f} s")
    for company in COMPANIES:
        bill = made.bills[company.slug]
        bill_text = f"{bill.number}: {bill.total} {bill.currency}\n{bill.pdf}"
        table.add_row(company.name, company.plan, made.state.teams[company.slug].key, bill_text)
    console.print(table)
    key = made.state.teams[COMPANIES[0].slug].key
    for line in (
        f"Pages: {made.url}/ (sign in with a team's key, or as the operator with {made.operator_key})",
        f"API:   {made.url}/v1/openapi.json",
        "Try:",
        f"curl -H 'Authorization: Bearer {key}' '{made.url}/v1/usage?meter=cpu&window=day&group_by=service'",
    ):
        console.print(line, soft_wrap=True, markup=False, highlight=False)

"""What to look at first: the demo's result as a table for people, or one object for programs."""

from __future__ import annotations

from datetime import datetime, timedelta
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


def show(made: Made, console: Console, took_s: float, now: datetime) -> None:
    """Prints what stands where, with keys, and what to look at first. Long values are never cut: they are copied."""
    table = Table("team", "pays by", "last month", title=f"Hourmeter demo, ready after {took_s:.0f} s")
    for company in COMPANIES:
        bill = made.bills[company.slug]
        table.add_row(company.name, company.plan, f"{bill.number}: {bill.total} {bill.currency}")
    console.print(table)
    for label, value in lines(made, now):
        console.print(f"{label:<16}{value}", soft_wrap=True, markup=False, highlight=False)


def lines(made: Made, now: datetime) -> list[tuple[str, str]]:
    """The address, the keys, the PDFs and a first request, each with a label."""
    first = COMPANIES[0]
    days = f"from={now - timedelta(days=7):%Y-%m-%d}&to={now + timedelta(days=1):%Y-%m-%d}"
    asked = f"{made.url}/v1/usage?meter=cpu&window=day&group_by=service&{days}"
    return [
        ("Look first", f"{made.url}/ and sign in with the key of {first.name}"),
        *((f"{company.name}", made.state.teams[company.slug].key) for company in COMPANIES),
        ("Operator", made.operator_key),
        *((made.bills[company.slug].number, str(made.bills[company.slug].pdf)) for company in COMPANIES),
        ("API", f"{made.url}/v1/openapi.json"),
        ("Try", f"curl -H 'Authorization: Bearer {made.state.teams[first.slug].key}' '{asked}'"),
    ]

"""Which plans are there, and where is what they said when they were used?"""

from __future__ import annotations

from datetime import datetime
from difflib import get_close_matches
from importlib.resources import files

from meter.database import Connection
from meter.errors import UnknownPlan
from meter.rating.book import DEMO_BOOKS, Plan, demo_books, load_book
from sql import statement

SHOWN = 80


def name_of(plan: Plan) -> str:
    """The plan's name among all books: `book/plan`, because books share plan names."""
    return f"{plan.book}/{plan.name}"


def plan_named(name: str) -> Plan:
    """The plan called `book/plan`. Raises UnknownPlan."""
    book, _, plan = name.partition("/")
    if book not in DEMO_BOOKS or plan not in load_book(book).plans:
        near = get_close_matches(name[:SHOWN].lower(), [name_of(each) for each in plans()], 1)
        meant = f"did you mean {near[0]}?" if near else "write book/plan;"
        raise UnknownPlan(f"{name[:SHOWN]!r}: {meant} GET /v1/prices/plans lists those there are")
    return load_book(book).plans[plan]


def plans() -> tuple[Plan, ...]:
    """Every plan, book by book in a fixed order."""
    return tuple(plan for book in demo_books() for plan in book.plans.values())


async def keep_version(conn: Connection, plan: Plan, now: datetime) -> int:
    """The id under which the text of the plan's book, as it is now, is kept for ever; it is kept on first use."""
    named = {"book": plan.book, "version": plan.book_version}
    row = await (await conn.execute(statement("find_price_version"), named)).fetchone()
    if row is None:
        text = files("meter.rating").joinpath("books", f"{plan.book}.toml").read_text("utf-8")
        await conn.execute(statement("keep_price_version"), named | {"content": text, "now": now})
        row = (await (await conn.execute(statement("find_price_version"), named)).fetchall())[0]
    kept: int = row[0]
    return kept

"""What does a new team get that names nothing? The operator's settings, which must name what there is."""

from __future__ import annotations

from datetime import datetime

from meter.database import Connection
from meter.errors import UnknownPlan
from meter.prices import store as prices
from meter.prices.schedule import name_of
from meter.settings import Settings, SettingsError


async def check(conn: Connection, settings: Settings, now: datetime) -> None:
    """Raises SettingsError when there is no such plan as the default one."""
    books = await prices.read(conn)
    try:
        books.plan(settings.default_plan, now)
    except UnknownPlan as error:
        there = ", ".join(name_of(plan) for plan in books.plans(now))
        why = f"there is no plan {settings.default_plan!r}; write one of {there}"
        raise SettingsError(f"METER_DEFAULT_PLAN: {why}") from error

"""What does a new team get that names nothing? The operator's settings, which must name what there is."""

from __future__ import annotations

from meter.errors import UnknownPlan
from meter.prices import name_of, plan_named, plans
from meter.settings import Settings, SettingsError


def check(settings: Settings) -> None:
    """Raises SettingsError when there is no such plan as the default one."""
    try:
        plan_named(settings.default_plan)
    except UnknownPlan as error:
        there = ", ".join(name_of(plan) for plan in plans())
        why = f"there is no plan {settings.default_plan!r}; write one of {there}"
        raise SettingsError(f"METER_DEFAULT_PLAN: {why}") from error

"""Budgets and uses of tests."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from meter.limits.budget import Budget
from meter.limits.path import Use

NOW = datetime(2026, 11, 18, 12, 7, 30, tzinfo=UTC)


def budget(id_: int = 1, **more: Any) -> Budget:
    """Answer a budget of 1,000 tokens a month."""
    usual: dict[str, Any] = {
        "public_id": UUID(int=id_),
        "team_id": 1,
        "name": f"b{id_}",
        "measure": "units",
        "amount": Decimal(1_000),
        "window": "month",
        "created_at": NOW,
    }
    return Budget(id=id_, **(usual | more))


def use(at: datetime = NOW, member_id: int = 0, service_id: int = 0, key_id: int = 0, **quantities: int) -> Use:
    """Answer a use of meters; of tokens where none is named."""
    named = {name: Decimal(many) for name, many in quantities.items()} or {"tokens": Decimal(5)}
    return Use(member_id, service_id, key_id, at, named)

"""Every address there is: one module per noun, listed here; each lists its handlers as HANDLERS."""

from __future__ import annotations

from types import ModuleType

from api.routes import (
    billing,
    health,
    invoice_pages,
    invoices,
    keys,
    meters,
    metrics,
    pages,
    push,
    static,
    teams,
    trends,
    usage,
)

ROUTES: tuple[ModuleType, ...] = (
    health,
    metrics,
    teams,
    keys,
    meters,
    push,
    usage,
    billing,
    invoices,
    trends,
    pages,
    invoice_pages,
    static,
)

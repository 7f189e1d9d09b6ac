"""Every address there is: one module per noun, listed here; each lists its handlers as HANDLERS."""

from __future__ import annotations

from types import ModuleType

from api.routes import (
    audit,
    billing,
    health,
    invitations,
    invoice_pages,
    invoices,
    join,
    keys,
    members,
    meters,
    metrics,
    operator_keys,
    pages,
    push,
    static,
    teams,
    trends,
    usage,
    usage_events,
    usage_labels,
    usage_report,
    usage_summary,
)

ROUTES: tuple[ModuleType, ...] = (
    health,
    metrics,
    teams,
    members,
    invitations,
    keys,
    operator_keys,
    audit,
    meters,
    push,
    usage,
    usage_events,
    usage_labels,
    usage_report,
    usage_summary,
    billing,
    invoices,
    trends,
    pages,
    join,
    invoice_pages,
    static,
)

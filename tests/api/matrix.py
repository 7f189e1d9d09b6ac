"""The matrix of who may do what: a row per route, and what the data says each caller gets there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from litestar import Litestar
from litestar.routes import HTTPRoute

from meter.permissions import PERMISSIONS, SCOPES, permission

OPEN, SESSION = "open", "session"  # what asks for no key: anybody, or whoever signed in

# Each route and the permission it asks for. A route that is not here fails the test: say who may use it.
ROWS: dict[str, str] = {
    "GET /v1/health": OPEN,
    "GET /metrics": OPEN,
    "GET /v1/openapi.json": OPEN,
    "GET /v1/openapi.json/openapi.json": OPEN,
    "GET /v1/openapi.json/{path}": OPEN,
    "GET /": OPEN,
    "GET /signin": OPEN,
    "POST /signin": OPEN,
    "POST /signout": OPEN,
    "GET /join": OPEN,
    "POST /join": OPEN,
    "GET /static/{name}": OPEN,
    "POST /v1/invitations/accept": OPEN,
    "GET /dashboard": SESSION,
    "GET /dashboard/trends.json": SESSION,
    "GET /dashboard/invoices": SESSION,
    "GET /dashboard/invoices/{invoice_id}": SESSION,
    "GET /dashboard/invoices/{invoice_id}/csv": SESSION,
    "GET /dashboard/invoices/{invoice_id}/pdf": SESSION,
    "GET /invoices/{invoice_id}": SESSION,
    "POST /v1/teams": "operate",
    "GET /v1/teams": "operate",
    "GET /v1/audit": "operate",
    "POST /v1/operator/keys": "operate",
    "GET /v1/operator/keys": "operate",
    "POST /v1/operator/keys/{key_id}/rotate": "operate",
    "DELETE /v1/operator/keys/{key_id}": "operate",
    "GET /v1/operator/doctor": "operate",
    "GET /v1/teams/{team_id}": "view_team",
    "PATCH /v1/teams/{team_id}": "edit_team",
    "DELETE /v1/teams/{team_id}": "delete_team",
    "GET /v1/teams/{team_id}/services": "view_team",
    "GET /v1/teams/{team_id}/audit": "view_audit",
    "GET /v1/teams/{team_id}/members": "manage_members",
    "POST /v1/teams/{team_id}/members": "manage_members",
    "GET /v1/teams/{team_id}/members/{member_id}": "manage_members",
    "PATCH /v1/teams/{team_id}/members/{member_id}": "manage_members",
    "DELETE /v1/teams/{team_id}/members/{member_id}": "manage_members",
    "GET /v1/teams/{team_id}/invitations": "invite",
    "POST /v1/teams/{team_id}/invitations": "invite",
    "POST /v1/teams/{team_id}/invitations/{invitation_id}/resend": "invite",
    "DELETE /v1/teams/{team_id}/invitations/{invitation_id}": "invite",
    "GET /v1/teams/{team_id}/keys": "manage_keys",
    "POST /v1/teams/{team_id}/keys": "manage_keys",
    "GET /v1/teams/{team_id}/keys/{key_id}": "manage_keys",
    "PATCH /v1/teams/{team_id}/keys/{key_id}": "manage_keys",
    "POST /v1/teams/{team_id}/keys/{key_id}/rotate": "manage_keys",
    "DELETE /v1/teams/{team_id}/keys/{key_id}": "manage_keys",
    "POST /v1/events": "ingest",
    "POST /v1/usage/collect": "ingest",
    "POST /v1/metrics": "ingest",
    "POST /otlp/v1/metrics": "ingest",
    "POST /api/v1/write": "ingest",
    "POST /v1/collectd": "ingest",
    "POST /api/v1/events": "ingest",
    "POST /api/v1/events/batch": "ingest",
    "GET /api/v1/meters": "view_catalogue",
    "GET /api/v1/meters/{slug}": "view_catalogue",
    "POST /api/v1/meters": "manage_meters",
    "DELETE /api/v1/meters/{slug}": "manage_meters",
    "GET /api/v1/meters/{slug}/query": "view_usage",
    "POST /api/v1/meters/{slug}/query": "view_usage",
    "GET /api/v1/meters/{slug}/subjects": "view_usage",
    "GET /api/v1/meters/{slug}/group-by/{key}/values": "view_usage",
    "GET /v1/budgets": "view_budgets",
    "POST /v1/budgets": "manage_budgets",
    "GET /v1/budgets/{budget_id}": "view_budgets",
    "PATCH /v1/budgets/{budget_id}": "manage_budgets",
    "DELETE /v1/budgets/{budget_id}": "manage_budgets",
    "GET /v1/series": "view_usage",
    "GET /v1/mapping": "view_mapping",
    "PUT /v1/mapping": "manage_mapping",
    "GET /v1/mapping/presets": "view_mapping",
    "GET /v1/mapping/unmapped": "view_mapping",
    "POST /v1/mapping/preview": "view_mapping",
    "GET /v1/series/{series_id}/points": "view_usage",
    "GET /v1/meters": "view_catalogue",
    "GET /v1/meters/{slug}": "view_catalogue",
    "POST /v1/meters": "manage_meters",
    "PATCH /v1/meters/{slug}": "manage_meters",
    "DELETE /v1/meters/{slug}": "manage_meters",
    "GET /v1/prices/plans": "view_catalogue",
    "POST /v1/billing/calculate": "calculate",
    "POST /v1/prices/simulate": "operate",
    "GET /v1/prices/versions": "operate",
    "POST /v1/prices/versions": "operate",
    "GET /v1/prices/unpriced": "view_billing",
    "GET /v1/usage": "view_usage",
    "POST /v1/authorize": "authorize",
    "POST /v1/settle": "authorize",
    "POST /v1/release": "authorize",
    "GET /v1/usage/changes": "view_corrections",
    "GET /v1/usage/dimensions": "view_usage",
    "GET /v1/usage/events": "view_usage",
    "GET /v1/usage/members": "view_usage",
    "GET /v1/usage/series": "view_usage",
    "GET /v1/usage/services": "view_usage",
    "GET /v1/usage/summary": "view_usage",
    "POST /v1/corrections": "correct_usage",
    "POST /v1/corrections/{correction_id}/undo": "correct_usage",
    "GET /v1/corrections": "view_corrections",
    "GET /v1/corrections/{correction_id}": "view_corrections",
    "GET /v1/held": "view_corrections",
    "POST /v1/held/decisions": "correct_usage",
    "POST /v1/backfills": "correct_usage",
    "POST /v1/backfills/{backfill_id}/events": "correct_usage",
    "POST /v1/backfills/{backfill_id}/compare": "correct_usage",
    "POST /v1/backfills/{backfill_id}/apply": "correct_usage",
    "POST /v1/backfills/{backfill_id}/undo": "correct_usage",
    "POST /v1/backfills/{backfill_id}/cancel": "correct_usage",
    "GET /v1/backfills": "view_corrections",
    "GET /v1/backfills/{backfill_id}": "view_corrections",
    "GET /v1/backfills/{backfill_id}/difference": "view_corrections",
    "GET /v1/analytics/trends": "view_usage",
    "GET /v1/analytics/compare": "view_usage",
    "GET /v1/analytics/breakdown": "view_usage",
    "GET /v1/analytics/peaks": "view_usage",
    "GET /v1/analytics/forecast": "view_usage",
    "GET /v1/analytics/global": "operate",
    "GET /v1/billing/account": "view_billing",
    "GET /v1/billing/transactions": "view_billing",
    "GET /v1/billing/usage": "view_billing",
    "GET /v1/billing/profile": "view_billing",
    "PUT /v1/billing/profile": "edit_billing_profile",
    "GET /v1/billing/threshold": "view_billing",
    "PUT /v1/billing/threshold": "operate",
    "GET /v1/billing/late-usage": "view_billing",
    "POST /v1/billing/late-usage/{adjustment_id}/write-off": "operate",
    "GET /v1/billing/policy": "view_billing",
    "PUT /v1/billing/policy": "operate",
    "GET /v1/billing/current": "view_billing",
    "GET /v1/billing/history": "view_billing",
    "GET /v1/billing/summary": "view_billing",
    "GET /v1/billing/runs": "operate",
    "GET /v1/billing/runs/{run_id}": "operate",
    "GET /v1/billing/runs/{run_id}/results": "operate",
    "GET /v1/billing/stats": "view_billing",
    "GET /v1/billing/services": "view_billing",
    "PUT /v1/admin/account": "operate",
    "POST /v1/admin/credits": "operate",
    "POST /v1/admin/credits/{grant_id}/stop": "operate",
    "POST /v1/admin/credits/{grant_id}/void": "operate",
    "POST /v1/admin/transactions/{transaction_id}/refund": "operate",
    "POST /v1/admin/transactions/{transaction_id}/reverse": "operate",
    "GET /v1/billing/subscription": "view_billing",
    "PUT /v1/teams/{team_id}/subscription": "change_plan",
    "POST /v1/billing/subscription/changes": "change_plan",
    "GET /v1/billing/subscription/changes": "view_billing",
    "DELETE /v1/billing/subscription/changes/{change_id}": "change_plan",
    "GET /v1/invoices": "view_billing",
    "GET /v1/invoices/{invoice_id}": "view_billing",
    "GET /v1/invoices/{invoice_id}/csv": "view_billing",
    "GET /v1/invoices/{invoice_id}/html": "view_billing",
    "GET /v1/invoices/{invoice_id}/pdf": "view_billing",
    "GET /v1/invoices/{invoice_id}/verify": "view_billing",
    "GET /v1/invoices/{invoice_id}/explain": "view_billing",
    "GET /v1/invoices/{invoice_id}/members": "view_usage",
    "POST /v1/invoices/{invoice_id}/send": "send_invoice",
    "GET /v1/mail": "view_billing",
    "POST /v1/invoices/{invoice_id}/regenerate": "generate_invoice",
    "POST /v1/invoices/{invoice_id}/finalize": "generate_invoice",
    "DELETE /v1/invoices/{invoice_id}": "generate_invoice",
    "POST /v1/invoices/{invoice_id}/void": "operate",
    "POST /v1/invoices/{invoice_id}/paid": "operate",
    "POST /v1/invoices/{invoice_id}/uncollectible": "operate",
    "POST /v1/invoices/{invoice_id}/credit": "operate",
    "GET /v1/credit-notes": "view_billing",
    "GET /v1/credit-notes/{note_id}": "view_billing",
    "GET /v1/credit-notes/{note_id}/csv": "view_billing",
    "GET /v1/credit-notes/{note_id}/html": "view_billing",
    "GET /v1/credit-notes/{note_id}/pdf": "view_billing",
    "GET /v1/credit-notes/{note_id}/members": "view_usage",
    "POST /v1/teams/{team_id}/invoices": "generate_invoice",
}

KEYS: dict[str, tuple[str, ...]] = {
    "operator": SCOPES,
    "no key": (),
    "unknown key": (),
    "ingest": ("ingest",),
    "read": ("read",),
    "admin": ("admin",),
    "all": SCOPES,
}
# The members of the own team, by their user id; of the other one they are nobody.
ROLES: dict[str | None, str | None] = {None: None, "ada": "owner", "amy": "admin", "bob": "member", "eve": None}
TEAMS = ("own", "other")
ALLOWED = "allowed"


class Asker(NamedTuple):
    """Who asks: a kind of key, and the user id in X-User-ID."""

    key: str
    member: str | None


ASKERS = tuple(Asker(*each) for each in product(KEYS, ROLES))


def routes(app: Litestar) -> Iterator[str]:
    """Walk over every method and path that an app answers, but for OPTIONS and HEAD."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            path = re.sub(r"{(\w+):\w+}", r"{\1}", route.path)
            for handler in route.route_handlers:
                yield from (f"{method} {path}" for method in sorted({*handler.http_methods} - {"OPTIONS", "HEAD"}))


def expected(row: str, asker: Asker, team: str | None) -> str:
    """Answer what the data says this asker gets: `allowed`, or the code of the refusal; `team` None: about no team."""
    wanted, operator = permission(row), asker.key == "operator"
    if asker.key in {"no key", "unknown key"}:
        return "unauthorized"
    if operator and (asker.member is None or wanted.registers):
        return ALLOWED
    if not set(KEYS[asker.key]) & set(wanted.scopes):
        return "forbidden"
    if asker.member is not None:
        # What they are in the key's team; with the operator's key, in the one asked about.
        role = ROLES[asker.member] if team == "own" or not operator else None
        if role is None and not wanted.registers:
            return "unknown_member"
        if role is not None and role not in wanted.roles:
            return "forbidden"
    return "not_found" if team == "other" and not operator else ALLOWED


def table() -> str:
    """Answer the matrix as it is printed into the documentation."""
    lines = [
        "| what | key's scopes, any of | owner | admin | member | unknown member | routes |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in PERMISSIONS:
        scopes = ", ".join(f"`{scope}`" for scope in each.scopes) or "operator only"
        cells = [
            ("own" if role in each.own_only else "yes") if role in each.roles else "no"
            for role in ("owner", "admin", "member")
        ]
        unknown = "registered" if each.registers else "no"
        there = "<br>".join(f"`{route}`" for route, row in ROWS.items() if row == each.name) or "no"
        lines.append(f"| {each.allows} | {scopes} | {' | '.join(cells)} | {unknown} | {there} |")
    return "\n".join(lines) + "\n"

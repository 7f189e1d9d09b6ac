"""Every address there is: one file per noun, listed here."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from api.routes import health, keys, meters, metrics, push, teams, usage

ROUTES: tuple[HTTPRouteHandler, ...] = (
    *health.HANDLERS,
    *metrics.HANDLERS,
    *teams.HANDLERS,
    *keys.HANDLERS,
    *meters.HANDLERS,
    *push.HANDLERS,
    *usage.HANDLERS,
)

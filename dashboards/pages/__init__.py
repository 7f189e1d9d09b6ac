"""The pages of the dashboard, listed. Each has PATH, TEMPLATE, TITLE, IN_MENU and a pure `context(…)`."""

from __future__ import annotations

from types import ModuleType

from dashboards.pages import invoices, join, signin, statement, trends

PAGES: tuple[ModuleType, ...] = (signin, join, trends, invoices, statement)

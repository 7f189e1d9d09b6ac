"""From usage to invoices: what is billed, how often, and that it stays."""

from __future__ import annotations

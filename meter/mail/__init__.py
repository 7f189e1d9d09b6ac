"""Mail about invoices: queued with the fact it tells, sent by the worker, once to everybody it concerns."""

from __future__ import annotations

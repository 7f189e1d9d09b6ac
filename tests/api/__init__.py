"""Tests of the HTTP shell: real requests to the served app on a real PostgreSQL."""

from __future__ import annotations

"""Tests of the rating package: pure, in memory, seconds."""

from __future__ import annotations

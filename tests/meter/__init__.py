"""Tests of the pure files of meter: independent oracles, in memory, seconds."""

from __future__ import annotations

"""Tests mirror the folders; what runs on every engine is in contract/."""

from __future__ import annotations

"""Tests of the pricing models, one file each."""

from __future__ import annotations

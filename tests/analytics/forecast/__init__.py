"""Forecasts asked of made-up series: what they must find, and what may not change them."""

from __future__ import annotations

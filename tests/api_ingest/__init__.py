"""Tests of the decoders: whatever bytes come, events, rejections in their place, or a Problem."""

from __future__ import annotations

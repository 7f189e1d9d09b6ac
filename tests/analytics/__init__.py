"""What usage tells us, asked of frames."""

from __future__ import annotations

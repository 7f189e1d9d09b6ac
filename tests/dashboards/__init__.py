"""What a person sees or receives, looked at."""

from __future__ import annotations

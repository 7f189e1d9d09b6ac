"""What `meter import` makes of files, and of being killed."""

from __future__ import annotations

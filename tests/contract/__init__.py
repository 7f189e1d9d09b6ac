"""The same assertions on every engine: what every reader and writer may rely on, whatever server is underneath."""

from __future__ import annotations

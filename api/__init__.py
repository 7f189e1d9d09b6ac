"""Who may ask, and how are they answered? The HTTP shell: decode, ask the packages below, encode."""

from __future__ import annotations

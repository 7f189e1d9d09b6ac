"""How names and addresses of people and things are written in bodies."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

# A dollar sign alone also matches before a line end that is the last character.
ONE_LINE = r"^[^\u0000-\u001f\u007f]+$(?!\n)"

Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
Email = Annotated[str, Meta(max_length=254, pattern=r"^[^@\s\u0000-\u001f\u007f]+@[^@\s\u0000-\u001f\u007f]+$(?!\n)")]

"""Which static files we serve, and under which address each version of them lives."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import plotly

STATIC = Path(__file__).parent / "static"
PREFIX = "/static/"


class Asset(NamedTuple):
    """A file on disk and the media type it is served with."""

    path: Path
    media_type: str


# A closed list: nothing else of the disk can be asked for. plotly.js comes out of the plotly wheel, never from a CDN.
ASSETS: dict[str, Asset] = {
    "chart.js": Asset(STATIC / "chart.js", "text/javascript; charset=utf-8"),
    "favicon.svg": Asset(STATIC / "favicon.svg", "image/svg+xml"),
    "hourmeter.css": Asset(STATIC / "hourmeter.css", "text/css; charset=utf-8"),
    "plotly.css": Asset(STATIC / "plotly.css", "text/css; charset=utf-8"),
    "plotly.min.js": Asset(
        Path(plotly.__file__).parent / "package_data" / "plotly.min.js", "text/javascript; charset=utf-8"
    ),
}


@cache
def url(name: str) -> str:
    """Answer the address of an asset with its content's hash, so that it may be cached for ever.

    Raises:
        KeyError: not one of ASSETS.
    """
    digest = sha256(ASSETS[name].path.read_bytes()).hexdigest()
    return f"{PREFIX}{name}?v={digest[:12]}"

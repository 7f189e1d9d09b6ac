"""Requests that real clients sent, where they lie beside the project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from api.body import ENCODINGS

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures"
LIMIT = 1 << 25
ABSENT = "no recorded requests beside the project"


class Capture(NamedTuple):
    """A body unpacked, its media type ("" for none), its headers as sent, by their names in small letters."""

    body: bytes
    media_type: str
    headers: Mapping[str, str]


def capture(name: str) -> Capture:
    """Answer a recorded request; skips the test where it is not there."""
    body = FOLDER / f"{name}.body"
    if not body.exists():
        pytest.skip(ABSENT)
    told = json.loads((FOLDER / f"{name}.headers.json").read_text("utf-8"))["headers"]
    headers = {key.lower(): value for key, value in told}
    packed, encoding = body.read_bytes(), headers.get("content-encoding")
    unpacked = ENCODINGS[encoding](packed, LIMIT) if encoding else packed
    return Capture(unpacked, headers.get("content-type", ""), headers)


def recordings(start: str) -> pytest.MarkDecorator:
    """Run a test once per recording whose name starts so; skips it where there are none."""
    names = sorted(path.stem for path in FOLDER.glob(f"{start}*.body"))
    absent = pytest.param("", marks=pytest.mark.skip(reason=ABSENT))
    return pytest.mark.parametrize("recording", names or [absent])

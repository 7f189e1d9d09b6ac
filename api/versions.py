"""Edits that may not cross: GET answers a version as ETag, and an edit with If-Match happens to that version only."""

from __future__ import annotations

import re
from typing import Annotated, TypeVar

import msgspec
from litestar import Response
from litestar.params import HeaderParameter

from meter.errors import ChangedMeanwhile, InvalidParameter

T = TypeVar("T", bound=msgspec.Struct)

IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        max_length=200,
        description='The ETag of the version to change, as in `"3"`; any other is a 412. Without it the edit is made.',
    ),
]
_TAGS = re.compile(r'\s*(\*|(?:W/)?"[^"]*"(?:\s*,\s*(?:W/)?"[^"]*")*)\s*')
_TAG = re.compile(r'"([^"]*)"')


def check(if_match: str | None, version: int) -> None:
    """Lets an edit of this version pass.

    Raises:
        InvalidParameter: what came is no If-Match.
        ChangedMeanwhile: it names other versions.
    """
    if if_match is None:
        return
    if _TAGS.fullmatch(if_match) is None:
        raise InvalidParameter('If-Match: send an ETag as it came, as in "3"')
    if if_match.strip() != "*" and str(version) not in _TAG.findall(if_match):
        raise ChangedMeanwhile(f"it is version {version} by now; look at it again, then change it", version=version)


def tagged(value: T, version: int, status: int = 200) -> Response[T]:
    """An answer with its version as ETag."""
    return Response(value, status_code=status, headers={"ETag": f'"{version}"'})

"""Is a call that ended in this status billed? Codes and words, each judged by the meter's list of its kind. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

STATUS = "status"
LARGEST = 999_999  # whole numbers beyond are no statuses
PATTERN = re.compile(r"[1-5]xx|[0-9a-z][0-9a-z_.-]{0,31}")
_CODE = re.compile(r"[1-5](?:[0-9]{2}|xx)")


def status_of(dimensions: Mapping[str, str] | None, attributes: Mapping[str, object] | None) -> str | None:
    """The status of an event: the dimension of that name, else the attribute where it is a text or whole number."""
    found = (dimensions or {}).get(STATUS) or (attributes or {}).get(STATUS)
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= LARGEST:
        return str(found)
    return found if isinstance(found, str) else None


def billed(status: str | None, patterns: Sequence[str] | None) -> bool:
    """Whether an event of this status is billed by a meter with this list; no status, or no list, is.

    A code (of three digits) is held against the codes and classes of the list (`404`, `2xx`), any other text against
    its words, in any case; what the list has no entry of its kind for is billed.
    """
    if status is None or patterns is None:
        return True
    asked = status.lower()
    if is_code(asked):
        codes = [pattern for pattern in patterns if is_code(pattern)]
        return not codes or asked in codes or f"{asked[0]}xx" in codes
    words = [pattern for pattern in patterns if not is_code(pattern)]
    return not words or asked in words


def is_code(text: str) -> bool:
    """Whether a status, or an entry of a list, is a code or a class of codes."""
    return _CODE.fullmatch(text) is not None

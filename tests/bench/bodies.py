"""Events as a busy collector sends them: many members, a few services, one dimension, ids and times of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

START = datetime(2026, 11, 1, tzinfo=UTC)
STEP = timedelta(milliseconds=7)


def event(tag: str, n: int) -> dict[str, Any]:
    """The n-th event of a run."""
    return {
        "id": f"{tag}-{n:012d}",
        "time": (START + n * STEP).isoformat().replace("+00:00", "Z"),
        "meter": "tokens.input",
        "quantity": n % 5000,
        "member": f"user-{n % 50}",
        "service": f"service-{n % 7}",
        "dimensions": {"model": f"model-{n % 5}"},
    }


def batches(tag: str, total: int, batch: int) -> list[list[dict[str, Any]]]:
    """`total` events in batches of `batch`; half of a tag like `new-50-old` are those of the tag `old`, well mixed."""
    name, *rest = tag.split("-", 2)
    share, old = (int(rest[0]), rest[1]) if rest else (0, "")
    made = [event(old if n * share % 100 < share else name, n) for n in range(total)]
    return [made[at : at + batch] for at in range(0, total, batch)]


def bodies(tag: str, total: int, batch: int) -> list[bytes]:
    """JSON arrays of `batch` events each, `total` events together, as `batches` makes them."""
    return [msgspec.json.encode(each) for each in batches(tag, total, batch)]

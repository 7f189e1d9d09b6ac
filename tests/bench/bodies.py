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


def bodies(tag: str, total: int, batch: int) -> list[bytes]:
    """JSON arrays of `batch` events each, `total` events together."""
    return [
        msgspec.json.encode([event(tag, n) for n in range(at, min(at + batch, total))]) for at in range(0, total, batch)
    ]

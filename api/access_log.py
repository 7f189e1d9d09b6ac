"""Who asked for what, how did it end? A line per request in the log `meter.access`, without personal data.

No address, no path or query as it was sent, no member: the route's template, and the public ids of key and team.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from meter.model import Caller

_log = logging.getLogger("meter.access")


class Line(NamedTuple):
    """What is told of one request. `status` 0 is an answer that was never begun; bytes are those of the bodies."""

    method: str
    route: str
    status: int
    seconds: float
    bytes_in: int
    bytes_out: int
    request_id: str
    caller: Caller | None


def write(line: Line) -> None:
    """Writes the line as key=value pairs, none of which can hold a space; `-` is nobody, or no one team."""
    caller = line.caller
    _log.info(
        "method=%s route=%s status=%d ms=%.1f in=%d out=%d id=%s key=%s team=%s",
        line.method,
        line.route,
        line.status,
        line.seconds * 1000,
        line.bytes_in,
        line.bytes_out,
        line.request_id,
        "-" if caller is None else caller.key_public_id,
        "-" if caller is None or caller.team is None else caller.team.public_id,
    )

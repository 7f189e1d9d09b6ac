"""Query parameters that questions about usage share: a range, its zone, meters and labels."""

from __future__ import annotations

from typing import Annotated

from litestar.params import QueryParameter

Start = Annotated[
    str, QueryParameter(name="from", description="RFC 3339 with a zone, a date (midnight in `tz`), or now-7d.")
]
End = Annotated[str, QueryParameter(description="The instant after the last one counted; as `from`, or now.")]
Zone = Annotated[str | None, QueryParameter(description="IANA zone of windows and dates; default: the team's.")]
Meters = Annotated[
    list[str] | None,
    QueryParameter(name="meter", description="Only of these; repeat it, or write commas. Default: of all."),
]
Names = Annotated[list[str] | None, QueryParameter(description="Only these; repeat it for several. Empty: has none.")]

"""What would be sent? The first rows as events, and which of them would be refused, as far as can be told from here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from meter.facts import Defaults, Horizon, microseconds, rows
from meter.load.events import Ready, events, originals
from meter.load.mapping import Columns
from meter.load.progress import out
from meter.load.source import Bad, Batch, Position, Reader
from meter.model import Event, Refusal

LOOKED_AT = 10_000
SHOWN = 5
AHEAD = timedelta(minutes=5)
_event = msgspec.json.Decoder(Event)


def preview(reader: Reader, columns: Columns, source: str, now: datetime) -> int:
    """Prints the first rows as they would be sent, then what would be refused; how many of them that is.

    Meters, dimensions and earlier events are known to the service alone, and are not judged.
    """
    batch = next(reader.batches(Position(), LOOKED_AT), None)
    if batch is None:
        out("the file has no rows")
        return 0
    ready = events(batch, columns, source)
    for text in ready.texts.head(SHOWN):
        out(text)
    refused = sorted([*ready.bad, *_refused(batch, ready, now)])
    out(f"of the first {batch.after.rows:,} rows {len(refused):,} would be refused, meters and dimensions not judged:")
    for bad in refused[:SHOWN]:
        out(f"  row {bad.row}: {bad.code}: {bad.detail}")
    return len(refused)


def _refused(batch: Batch, ready: Ready, now: datetime) -> Iterator[Bad]:
    found = {
        int(number): why
        for number, text in zip(ready.rows, ready.texts, strict=True)
        if (why := _why(text, now)) is not None
    }
    there = originals(batch.frame, found)
    for number, why in found.items():
        yield Bad(number, why.code, why.detail, there[number])


def _why(text: str, now: datetime) -> Refusal | None:
    try:
        event = _event.decode(text)
    except msgspec.ValidationError as error:
        return Refusal("invalid_event", str(error))
    horizon = Horizon(microseconds(datetime.min.replace(tzinfo=now.tzinfo)), microseconds(now + AHEAD))
    found = rows(event, 0, {}, horizon, Defaults(None, None, {}))
    return found if isinstance(found, Refusal) else None

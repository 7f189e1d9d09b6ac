"""How is a file imported? Read a batch, make events, send some batches at once, write down what is acknowledged.

Batches are settled in the order of the file: rejects to their file, then the state. What was acknowledged beyond a
batch that was not is sent again after a restart, and is a duplicate then.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec

from meter.load import state as states
from meter.load.events import Ready, events, originals
from meter.load.mapping import Columns
from meter.load.progress import Shown
from meter.load.rejects import Rejects
from meter.load.send import RefusedError, Sender, Stopped
from meter.load.source import Bad, Batch, LoadError, Position, Reader
from meter.load.state import State
from meter.model import Receipt

IN_FLIGHT = 3
OTHERS_WITHIN_S = 5


class Job(NamedTuple):
    """One file to import: how it is read, what its columns are, and where the state is kept."""

    reader: Reader
    columns: Columns
    state: State
    state_path: Path
    batch: int


class _Sent(NamedTuple):
    batch: Batch
    ready: Ready
    receipt: Future[Receipt]


def load(job: Job, sender: Sender, rejects: Rejects, shown: Shown, stop: threading.Event) -> bool:
    """Imports from where the state stands; True at the end of the file, False when it was asked to stop.

    The state is right at any moment, also when this raises: LoadError for what can't go on.
    """
    rejects.cut(job.state.rejects_bytes)
    job.state.sent = True
    states.save(job.state_path, job.state)
    shown.at(job.state.position.rows, job.state.done_bytes)
    flight: deque[_Sent] = deque()
    with ThreadPoolExecutor(IN_FLIGHT, "import") as threads:
        try:
            for batch in job.reader.batches(job.state.position, job.batch):
                if stop.is_set():
                    break
                ready = events(batch, job.columns, job.state.source)
                flight.append(_Sent(batch, ready, threads.submit(sender.deliver, ready.texts)))
                if len(flight) > IN_FLIGHT:
                    _settle(job, flight.popleft(), rejects, shown)
            else:
                _settle_all(job, flight, rejects, shown)
                job.state.done = True
                states.save(job.state_path, job.state)
                return True
            _settle_all(job, flight, rejects, shown)
        except Stopped:
            return False
        except RefusedError:
            job.state.sent = job.state.position != Position() or any(map(_may_be_stored, flight))
            stop.set()
            states.save(job.state_path, job.state)
            raise
        except BaseException:
            stop.set()  # else the other threads go on trying
            raise
    return False


def _may_be_stored(sent: _Sent) -> bool:
    try:
        return not isinstance(sent.receipt.exception(OTHERS_WITHIN_S), RefusedError)
    except TimeoutError:
        return True


def _settle_all(job: Job, flight: deque[_Sent], rejects: Rejects, shown: Shown) -> None:
    while flight:
        _settle(job, flight.popleft(), rejects, shown)


def _settle(job: Job, sent: _Sent, rejects: Rejects, shown: Shown) -> None:
    """Waits for the receipt and writes down what it says. Raises what sending raised."""
    receipt = sent.receipt.result()
    count = sent.ready.texts.len()
    if receipt.accepted + receipt.duplicates + len(receipt.rejected) != count:
        raise LoadError(f"the receipt of {count} events doesn't add up: {msgspec.json.encode(receipt)[:300].decode()}")
    bad = sorted([*sent.ready.bad, *_refused(sent, receipt)])
    state = job.state
    state.tally.accepted += receipt.accepted
    state.tally.duplicates += receipt.duplicates
    if bad:
        state.tally.reject([(each.code, each.detail) for each in bad])
        state.rejects_bytes = rejects.add(bad)
    state.position, state.done_bytes = sent.batch.after, sent.batch.done_bytes
    states.save(job.state_path, state)
    shown.at(state.position.rows, state.done_bytes)


def _refused(sent: _Sent, receipt: Receipt) -> list[Bad]:
    if not receipt.rejected:
        return []
    numbers = [int(sent.ready.rows[each.index]) for each in receipt.rejected]
    rows = originals(sent.batch.frame, numbers)
    return [
        Bad(number, each.code, each.detail, rows[number])
        for number, each in zip(numbers, receipt.rejected, strict=True)
    ]

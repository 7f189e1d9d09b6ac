"""`meter backfill`: a file is brought to a service, held against what that has stored, and applied or taken back."""

from __future__ import annotations

import time
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from meter.collect.ask import Service
from meter.load import mapping, opened
from meter.load import state as states
from meter.load.events import events, originals
from meter.load.progress import Shown, out
from meter.load.send import Sender
from meter.load.source import Bad, LoadError, Position
from meter.processes import stopped_by_signals

PATH = "/v1/backfills"
POLL_S = 0.3
DONE, DIFFERS, STOPPED = 0, 1, 2
UNDER_WAY = frozenset({"comparing", "applying", "undoing"})
LISTED = 100
Document = dict[str, Any]


def backfill(options: Namespace, key: str) -> int:
    """Does what is asked for with a file, or with a backfill that is there: 0 done, 1 it differs, 2 stopped.

    Raises LoadError, RefusedError, ConnectionError, ValueError and OSError.
    """
    service = Service(options.url, key)
    try:
        id_ = options.id or _begin(service, options)["id"]
        out(f"backfill {id_}")
        if options.file is not None:
            rejected = _bring(options, key, id_)
            if rejected is None:
                out(f"stopped; `--id {id_}` with the same file goes on")
                return STOPPED
            _step(service, id_, "compare")
            return _after(service, options, id_, rejected)
        return _later(service, options, id_)
    finally:
        service.close()


def _begin(service: Service, options: Namespace) -> Document:
    """Begins a backfill of what the options say."""
    if options.file is None or not (options.start and options.end and options.meter and options.reason):
        raise ValueError("name a FILE with --from, --to, --meter and --reason, or a backfill with --id")
    labels: dict[str, list[str]] = {}
    for text in options.label:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ValueError(f"--label {text!r}: write --label NAME=VALUE")
        labels.setdefault(name, []).append(value)
    asked = {
        "from": options.start,
        "to": options.end,
        "meters": options.meter,
        "mode": options.mode,
        "reason": options.reason,
        "labels": labels,
    }
    made: Document = service.ask("POST", PATH, msgspec.json.encode(asked))
    return made


def _bring(options: Namespace, key: str, id_: str) -> list[Bad] | None:
    """Brings the events of the file, and answers the rows that were rejected; None when it was stopped."""
    columns = mapping.merged(opened.kept(opened.mapping_path(options)), opened.given(options))
    reader = opened.opened(options, columns)
    columns = opened.settled(reader, columns)
    print_ = states.fingerprint(options.file)
    source = columns.source or f"file:{print_.content}"
    rejected: list[Bad] = []
    with stopped_by_signals() as stop, Shown(options.file.name, print_.size, reader.rows) as shown:
        sender = Sender(options.url, key, stop, shown.say, options.patience, f"{PATH}/{id_}/events")
        for batch in reader.batches(Position(), options.batch):
            if stop.is_set():
                return None
            ready = events(batch, columns, source)
            rejected += ready.bad
            refused = sender.deliver(ready.texts).rejected if ready.texts.len() else []
            numbers = [int(ready.rows[each.index]) for each in refused]
            rows = originals(batch.frame, numbers)
            pairs = zip(numbers, refused, strict=True)
            rejected += [Bad(number, each.code, each.detail, rows[number]) for number, each in pairs]
            shown.at(batch.after.rows, batch.done_bytes)
    return sorted(rejected, key=lambda bad: bad.row)


def _after(service: Service, options: Namespace, id_: str, rejected: Sequence[Bad]) -> int:
    """Shows the difference of a file that was brought, and applies it where that is asked for."""
    found = _shown(service, options, id_)
    _tell_rejected(rejected)
    would = found["would"]
    differs = any(would[name] for name in ("added", "restored", "amended", "voided", "kept", "conflicts"))
    if options.dry_run:
        _step(service, id_, "cancel")
    elif options.apply and not rejected:
        return _applied(service, id_)
    elif options.apply:
        out(f"not applied, as rows were rejected; `meter backfill --id {id_} --apply` applies the others")
    elif differs:
        out(f"nothing was changed; `meter backfill --id {id_} --apply` applies it")
    return DIFFERS if differs or rejected else DONE


def _later(service: Service, options: Namespace, id_: str) -> int:
    """Goes on with a backfill that is there: applies it, takes it back, gives it up, or shows it."""
    if options.apply:
        return _applied(service, id_)
    if options.undo:
        undid = _step(service, id_, "undo")["undid"] or {"put_back": 0, "voided": 0, "superseded": 0}
        out(f"undone: {undid['put_back']:,} events put back, {undid['voided']:,} that were added are voided")
        if undid["superseded"]:
            out(f"{undid['superseded']:,} events were corrected since by others and stay as they are")
        return DIFFERS if undid["superseded"] else DONE
    if options.cancel:
        _step(service, id_, "cancel")
        out("cancelled")
        return DONE
    _shown(service, options, id_)
    return DONE


def _applied(service: Service, id_: str) -> int:
    found = _step(service, id_, "apply")
    out(f"applied: {_counts(found['did'])}")
    if not found["as_compared"]:
        out(f"that is not what was compared ({_counts(found['would'])}): other events came meanwhile")
    out(f"`meter backfill --id {id_} --undo` takes it back")
    return DONE


def _counts(counted: Document) -> str:
    return ", ".join(f"{counted[name]:,} {name}" for name in ("added", "restored", "amended", "voided"))


def _step(service: Service, id_: str, what: str) -> Document:
    """Asks for a step, and waits until it is done. Raises LoadError where it failed."""
    found: Document = service.ask("POST", f"{PATH}/{id_}/{what}")
    while found["state"] in UNDER_WAY:
        time.sleep(POLL_S)
        found = service.ask("GET", f"{PATH}/{id_}")
    if found["state"] == "failed":
        raise LoadError(f"it failed while {found['failed_in']}: {found['detail']}")
    return found


def _shown(service: Service, options: Namespace, id_: str) -> Document:
    """Shows the difference, and answers the backfill."""
    question = {"limit": "1000"}
    answer: Document = service.ask("GET", f"{PATH}/{id_}/difference?{urlencode(question)}")
    first = dict(answer)
    while answer["next"] is not None and (options.json or len(first["items"]) <= LISTED):
        answer = service.ask("GET", f"{PATH}/{id_}/difference?{urlencode(question | {'cursor': answer['next']})}")
        first["items"] = first["items"] + answer["items"]
    if options.json:
        out(msgspec.json.format(msgspec.json.encode(first), indent=2).decode())
    else:
        _tell(first)
    found: Document = first["backfill"]
    return found


def _tell(difference: Document) -> None:
    """A table of hours, the totals in words, what is left alone, and invoices that were made of those hours."""
    found, items = difference["backfill"], difference["items"]
    if items:
        _table(items[:LISTED])
    if len(items) > LISTED:
        out(f"… and {len(items) - LISTED:,} hours more at least; --json lists all")
    would = found["would"]
    if would is None:
        out(f"it is {found['state']}, and was not compared")
        return
    out(f"the source has {would['source']:,} events, stored are {would['stored']:,}; {would['same']:,} are the same")
    out(f"would be: {_counts(would)}" + (f"; {would['kept']:,} differ and stay" if would["kept"] else ""))
    if would["moved"]:
        out(f"{would['moved']:,} events are stored at another time than the source says")
    if would["conflicts"]:
        out(f"{would['conflicts']:,} have another duration here and stay as they are: give them other ids")
    for each in difference["invoices"]:
        name = each["number"] or each["id"]
        out(f"invoice {name} ({each['status']}) was made of such hours; what is final stays as it is")


def _table(items: Sequence[Document]) -> None:
    table = Table()
    table.add_column("hour (UTC)", no_wrap=True)
    table.add_column("meter", overflow="fold")
    for name in ("stored", "source", "added", "amended", "voided", "kept"):
        table.add_column(name, justify="right", overflow="fold")
    for each in items:
        told = [
            each["from"][:16].replace("T", " "),
            each["meter"],
            each["stored"]["quantity"] or "",
            each["source"]["quantity"] or "",
        ]
        told += [_cell(each["added"]), _cell(each["amended"]), _cell(each["voided"]), str(each["kept"] or "")]
        table.add_row(*map(Text, told))
    Console().print(table)


def _cell(amount: Document) -> str:
    """A number of events and what they come to."""
    if not amount["events"]:
        return ""
    if "before" in amount:
        return f"{amount['events']:,}: {amount['before']} → {amount['after']}"
    return f"{amount['events']:,}: {amount['quantity']}" if amount["quantity"] is not None else f"{amount['events']:,}"


def _tell_rejected(rejected: Sequence[Bad]) -> None:
    if not rejected:
        return
    out(f"{len(rejected):,} rows were rejected:")
    first = {bad.code: bad for bad in reversed(rejected)}
    for code, count in sorted(Counter(bad.code for bad in rejected).items()):
        out(f"  {count:,} {code}; the first in row {first[code].row}: {first[code].detail}")

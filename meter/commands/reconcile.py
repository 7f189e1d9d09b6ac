"""`meter reconcile FILE`: does what somebody else counted agree with what we counted?"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from meter.collect.ask import RefusedError, Service
from meter.commands.command import CANNOT, FOUND_SOMETHING, Command, Page, refuse
from meter.commands.with_columns import add_columns
from meter.commands.with_service import KEY_VARIABLE, NO_KEY, add_service, key_of
from meter.settings import Settings

LISTED = 100
TEXT = f"""\
Compares the totals of a gateway or a provider (CSV, NDJSON or Parquet: a row per call, or per hour) with what a \
service counted. Rows are added up exactly per meter and hour; ours is asked of the service, which may be anywhere. \
The team's key, which must read, comes from {KEY_VARIABLE} or a file.

Columns are told as for `meter import`: time (or from), quantity, meter, member, service, dimensions.NAME, and \
quantities.METER for several meters of one row; others are left out. A text that is set for every row narrows ours as \
well: with --set service=chat it is our usage of that service.

An hour that one side has nothing of is told as missing there: no data is not zero."""


def add_arguments(one: ArgumentParser) -> None:
    """Adds the file, what its columns are, and how it is compared."""
    one.add_argument("file", type=Path, metavar="FILE", help="CSV and NDJSON may be packed: .gz, .zst")
    add_service(one)
    what = add_columns(one, "--tz")
    what.add_argument("--mapping", type=Path, help="a mapping that `meter import` kept (default: none)")
    how = one.add_argument_group("how they are compared")
    how.add_argument("--by", metavar="LABELS", help="also by these: member, service, dimensions; with commas")
    how.add_argument(
        "--window", choices=("hour", "day"), default="hour", help="hours or days of --tz (default: %(default)s)"
    )
    how.add_argument("--from", dest="start", metavar="TIME", help="from this hour on (default: the file's first)")
    how.add_argument("--to", dest="end", metavar="TIME", help="up to this hour, without it (default: after the last)")
    how.add_argument(
        "--tolerance",
        default="0",
        metavar="SIZE",
        help="0.1%% of theirs, or an amount, per hour (default: %(default)s)",
    )
    how.add_argument("--skip-zeros", action="store_true", help="a zero of one side agrees with nothing of the other")
    how.add_argument("--json", action="store_true", help="all of it as a JSON document")


def run(_settings: Settings, options: Namespace) -> int:
    """Compares, shows what differs, and says by its exit code whether anything does."""
    from meter.load.source import LoadError
    from meter.reconcile_service import NotAddedUpError

    key = key_of(options)
    if not key:
        return refuse(NO_KEY)
    try:
        return _compare(options, key)
    except LoadError as error:
        return refuse(f"{options.file}: {error}")
    except (ValueError, RefusedError, NotAddedUpError) as error:
        return refuse(str(error))


def _compare(options: Namespace, key: str) -> int:
    from meter import reconcile, reconcile_file, reconcile_service
    from meter.load import mapping, opened
    from meter.spans import Span
    from meter.windows import following

    tolerance = reconcile.tolerance_of(options.tolerance)
    options.source = options.others = None  # rows need no name here, and columns without a place have no part
    kept = opened.kept(_existing(options.mapping)) if options.mapping else mapping.Columns()
    columns = mapping.merged(kept, opened.given(options))
    zone = zone_of(columns.zone or "UTC")
    asked = reconcile_file.Range(
        options.window,
        zone,
        _labels(options.by),
        _instant("--from", options.start, zone),
        _instant("--to", options.end, zone),
    )
    reader = opened.opened(options, columns)
    columns = opened.settled(reader, reconcile_file.fitted(columns, reader.columns, asked.by))
    theirs = reconcile_file.theirs(reader, columns, asked)
    starts = [place.start for place in theirs.amounts]
    span = Span(asked.start or min(starts), asked.end or following(max(starts), asked.window, zone))
    service = Service(options.url, key)
    try:
        meters = sorted({place.meter for place in theirs.amounts})
        ours = reconcile_service.ours(service, meters, columns, asked, span)
    finally:
        service.close()
    found = reconcile.compare(ours.amounts, theirs.amounts, tolerance, zeros_count=not options.skip_zeros)
    show = _json if options.json else _show
    show(_document(found, ours.units, asked, span, theirs.rows), options)
    return 0 if found.agrees else FOUND_SOMETHING


def _existing(path: Path) -> Path:
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such mapping")
    return path


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name. Raises ValueError for none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"--tz {name!r} is no zone; write one as Europe/Paris or UTC") from error


def _labels(text: str | None) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",")) if text else ()
    if "" in names or len(set(names)) < len(names):
        raise ValueError("--by: name each label once, with commas between")
    return names


def _instant(option: str, text: str | None, zone: ZoneInfo) -> datetime | None:
    """The UTC instant of an RFC 3339 time, or of a date's midnight in the zone. Raises ValueError."""
    from meter.windows import utc

    if text is None:
        return None
    try:
        if len(text) == len("2026-11-20"):
            return utc(datetime.combine(date.fromisoformat(text), time()), zone)
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min  # noqa: DTZ901 (has no zone, so it is refused)
    if found.tzinfo is None:
        raise ValueError(f"{option} {text!r}: write 2026-11-20T09:00:00Z, or a date like 2026-11-20")
    return found.astimezone(UTC)


def _document(found: Any, units: Any, asked: Any, span: Any, rows: int) -> dict[str, Any]:  # noqa: ANN401 (loaded when run)
    """What was found, as the JSON document has it."""
    from meter.reconcile import apart, percent, says

    return {
        "agrees": found.agrees,
        "from": span.start.isoformat(),
        "to": span.end.isoformat(),
        "window": asked.window,
        "tz": asked.zone.key,
        "by": list(asked.by),
        "rows": rows,
        "meters": [
            {
                "meter": each.meter,
                "unit": units[each.meter],
                "says": says(each, units[each.meter], asked.window),
                **_figures(each.ours, each.theirs, apart(each.ours, each.theirs), percent(each.ours, each.theirs)),
                "windows": each.windows,
                "differ": each.differ,
                "missing_here": each.missing_here,
                "missing_there": each.missing_there,
            }
            for each in found.totals
        ],
        "differences": [
            {
                "meter": each.place.meter,
                "from": each.place.start.astimezone(asked.zone).isoformat(),
                **dict(zip(asked.by, each.place.group, strict=True)),
                **_figures(each.ours, each.theirs, each.amount, each.percent),
                "missing": each.missing,
            }
            for each in found.differences
        ],
    }


def _figures(ours: Any, theirs: Any, difference: Any, percent: Any) -> dict[str, str | None]:  # noqa: ANN401 (Decimal or None)
    from meter.usage import plain

    given = {"ours": ours, "theirs": theirs, "difference": difference, "percent": percent}
    return {name: None if value is None else plain(value) for name, value in given.items()}


def _json(document: dict[str, Any], _options: Namespace) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def _show(document: dict[str, Any], options: Namespace) -> None:
    """Two tables, what differs and the totals, and a sentence for each meter."""
    found = document["differences"]
    if found:
        labels = [document["window"], "meter", *document["by"]]
        _table(labels, [[each["from"], each["meter"], *_cells(each, document["by"])] for each in found[:LISTED]], found)
    if len(found) > LISTED:
        print(f"… and {len(found) - LISTED:,} more; --json lists all")
    _table(["total of", "unit"], [[each["meter"], each["unit"]] for each in document["meters"]], document["meters"])
    for each in document["meters"]:
        print(each["says"])
    print(f"{options.file.name}: {document['rows']:,} rows, {document['from']} to {document['to']}")


def _cells(each: dict[str, Any], names: list[str]) -> list[str]:
    return ["(none)" if each[name] is None else each[name] for name in names]


def _table(labels: list[str], rows: list[list[str]], figures: list[dict[str, Any]]) -> None:
    """Prints labels with their figures; what a side has nothing of is called missing."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in labels:
        table.add_column(name, overflow="fold")
    for name in ("ours", "theirs", "difference", "percent"):
        table.add_column(name, justify="right", overflow="fold")
    for row, each in zip(rows, figures, strict=False):
        sides = [each[name] or "missing" for name in ("ours", "theirs")]
        table.add_row(*(Text(text) for text in (*row, *sides, each["difference"] or "", each["percent"] or "")))
    console = Console()
    console.print(table)


_EXAMPLE = f"{KEY_VARIABLE}=hm_… meter reconcile"
COMMAND = Command(
    Page(
        "reconcile",
        "Compare somebody else's totals with ours",
        TEXT,
        (
            (
                f"{_EXAMPLE} gateway.csv --map time=ts --map quantity=in_tok --set meter=tokens.input",
                "a gateway's log, a row per call",
            ),
            (
                f"{_EXAMPLE} bill.csv --tz America/New_York --window day --by model --tolerance 0.1%",
                "a provider's days on its own clock, by model, near enough",
            ),
        ),
        (),
        {
            0: "everything agrees, within the tolerance",
            FOUND_SOMETHING: "hours differ, or are missing on a side: they are listed",
            CANNOT: "they could not be compared: standard error says why",
        },
    ),
    run,
    add_arguments,
)

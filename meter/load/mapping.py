"""Which column is what? Pure: what the command line, the kept file and the columns' own names say, put together.

A target is a field of an event: `id`, `time`, `meter`, `quantity`, `member`, `service`, `source`, `duration_seconds`,
or one of a group by its name: `dimensions.model`, `attributes.session`, `quantities.tokens.input` (several meters of
one fact). Every column must have a place or be ignored by name: nothing is lost unsaid.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from zoneinfo import ZoneInfo

import msgspec

from meter.load.source import LoadError

FIELDS = ("id", "time", "meter", "quantity", "member", "service", "source", "duration_seconds")
GROUPS = ("dimensions", "attributes", "quantities")
OTHERS = ("refuse", "ignore", "attributes")
UNITS = ("s", "ms", "us", "ns")
HEAD = "# How `meter import` reads the file beside this one. Used by itself next time; options of the command win.\n"


class MappingError(LoadError):
    """The columns can't be told from each other; the message says what to write."""


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where each field of an event comes from: a column by target, a fixed text by target; the rest of the columns."""

    map: dict[str, str] = {}
    set: dict[str, str] = {}
    ignore: list[str] = []
    others: str | None = None  # one of OTHERS; None: refuse
    zone: str | None = None  # of times that name none
    time_unit: str | None = None  # of times that are numbers since 1970
    separator: str | None = None
    source: str | None = None  # with derived ids: what makes them differ from those of other files

    def digest(self) -> str:
        """A short text that differs when the mapping does."""
        return blake2b(msgspec.json.encode(self, order="deterministic"), digest_size=8).hexdigest()

    def of_group(self, group: str) -> list[str]:
        """The targets of a group, by name."""
        return sorted(target for target in {**self.map, **self.set} if target.startswith(f"{group}."))


def is_target(text: str) -> bool:
    """Whether an event has such a field."""
    group, _, name = text.partition(".")
    return text in FIELDS or (group in GROUPS and bool(name))


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """`target=value` texts as a dictionary. Raises MappingError for another form, a target twice or one unknown."""
    found: dict[str, str] = {}
    for text in texts:
        target, equals, value = text.partition("=")
        if not equals or not value:
            raise MappingError(f"{option} {text!r}: write {option} TARGET={'COLUMN' if option == '--map' else 'TEXT'}")
        if not is_target(target):
            raise MappingError(f"{option} {text!r}: {target!r} is no field of an event; {_fields()}")
        if target in found:
            raise MappingError(f"{option} gives {target} twice")
        found[target] = value
    return found


def _fields() -> str:
    return f"there are {', '.join(FIELDS)} and {', '.join(f'{group}.NAME' for group in GROUPS)}"


def merged(kept: Columns, given: Columns) -> Columns:
    """The kept mapping with what was given on the command line on top.

    A whole fact of one kind replaces the other (`quantity` and `quantities.…`). Raises MappingError for contradictions.
    """
    both = sorted(given.map.keys() & given.set.keys())
    if both:
        raise MappingError(f"{both[0]} is given by --map and by --set; use one of them")
    mapped = {t: c for t, c in kept.map.items() if t not in given.set} | given.map
    fixed = {t: v for t, v in kept.set.items() if t not in given.map} | given.set
    ignored = [c for c in kept.ignore if c not in given.map.values()]
    return Columns(
        map=mapped,
        set=fixed,
        ignore=list(dict.fromkeys([*ignored, *given.ignore])),
        others=given.others or kept.others,
        zone=given.zone or kept.zone,
        time_unit=given.time_unit or kept.time_unit,
        separator=given.separator or kept.separator,
        source=given.source or kept.source,
    )


def guessed(columns: Columns, names: Iterable[str]) -> Columns:
    """The mapping with the columns whose names are ours already, where neither the column nor the field is taken."""
    taken = {*columns.map.values(), *columns.ignore}
    several = any(target.startswith("quantities.") for target in {**columns.map, **columns.set})
    found = {
        name: name
        for name in names
        if is_target(name)
        and name not in taken
        and name not in columns.map
        and name not in columns.set
        and not (several and name in ("meter", "quantity"))
    }
    return msgspec.structs.replace(columns, map=columns.map | found)


def check(columns: Columns, names: Sequence[str], *, fixed: bool) -> None:
    """Sees that events can be made of these columns and that each has its place.

    Where columns are not `fixed`, these are those of the first rows, and others may come.

    Raises MappingError, which names every trouble at once and the options that end it.
    """
    troubles = [*_wrong_values(columns), *_wrong_columns(columns, names, fixed=fixed), *_missing(columns)]
    if troubles:
        raise MappingError("\n  ".join(["the columns need a word from you:", *troubles]))


def _wrong_values(columns: Columns) -> list[str]:
    given = sorted({*columns.map, *columns.set})
    troubles = [f"{target!r} is no field of an event; {_fields()}" for target in given if not is_target(target)]
    both = sorted(columns.map.keys() & columns.set.keys())
    troubles += [f"{target} has a column and a fixed text; keep one of them" for target in both]
    if columns.others not in (None, *OTHERS):
        troubles.append(f"--others {columns.others!r}: one of {', '.join(OTHERS)}")
    if columns.time_unit not in (None, *UNITS):
        troubles.append(f"--time-unit {columns.time_unit!r}: one of {', '.join(UNITS)}")
    if columns.zone is not None:
        try:
            ZoneInfo(columns.zone)
        except (KeyError, ValueError, OSError):  # an unknown zone is a KeyError, a folder of zones an OSError
            troubles.append(f"--zone {columns.zone!r} is no zone; write one as Europe/Paris or UTC")
    if columns.separator is not None and len(columns.separator) != 1:
        troubles.append("--separator is one character")
    return troubles


def _wrong_columns(columns: Columns, names: Sequence[str], *, fixed: bool) -> list[str]:
    troubles = [
        f"{target}: there is no column {column!r}; there are {', '.join(map(repr, names))}"
        for target, column in columns.map.items()
        if column not in names and (fixed or target in ("time", "quantity", "id"))
    ]
    if columns.others in ("ignore", "attributes"):
        return troubles
    return troubles + [
        f"column {name!r} has no place: --map TARGET={name}, or --ignore {name} (all of them: --others attributes)"
        for name in unplaced(columns, names)
    ]


def _missing(columns: Columns) -> list[str]:
    given = {**columns.map, **columns.set}
    several = columns.of_group("quantities")
    troubles = []
    if "id" in columns.set:
        troubles.append("id is a column, or made from the row's number; one text for all rows names none of them")
    if "source" in given and "id" not in given:
        troubles.append("source goes with a column of ids; without ids say where rows come from with --source")
    if "time" not in given:
        troubles.append("time has no column: --map time=COLUMN")
    if several and ("quantity" in columns.set or "meter" in columns.set):
        troubles.append("either meter and quantity, or quantities.METER, not both")
    if not several and "quantity" not in given:
        troubles.append("quantity has no column: --map quantity=COLUMN, or --map quantities.METER=COLUMN for several")
    if not several and "meter" not in given:
        troubles.append("meter has neither column nor text: --map meter=COLUMN, or --set meter=METER")
    return troubles


def unplaced(columns: Columns, names: Iterable[str]) -> list[str]:
    """The columns that nothing is made of and that nobody ignores by name."""
    placed = {*columns.map.values(), *columns.ignore}
    return [name for name in names if name not in placed]


def with_others(columns: Columns, names: Iterable[str]) -> Columns:
    """The mapping for a batch with these columns: those without a place become attributes, when that was asked for."""
    if columns.others != "attributes":
        return columns
    more = {f"attributes.{name}": name for name in unplaced(columns, names)}
    return msgspec.structs.replace(columns, map=more | columns.map)


def from_toml(text: str) -> Columns:
    """The mapping that a kept file says. Raises MappingError for what can't be read, naming where."""
    try:
        return msgspec.convert(tomllib.loads(text), Columns)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise MappingError(f"the mapping can't be read: {error}") from error


def to_toml(columns: Columns) -> str:
    """The text of a mapping file, which `from_toml` reads back the same."""
    fields: Mapping[str, object] = msgspec.to_builtins(columns)
    plain = [f"{name} = {_toml(value)}" for name, value in fields.items() if not isinstance(value, dict)]
    tables = [
        "\n".join([f"\n[{name}]", *(f"{_toml(key)} = {_toml(inner)}" for key, inner in value.items())])
        for name, value in fields.items()
        if isinstance(value, dict)
    ]
    return HEAD + "\n".join([*plain, *tables]) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML's basic strings, but for DEL

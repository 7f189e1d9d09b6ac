"""Which field was meant by one that is unknown? Found among those that the body may have at that place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from msgspec import inspect

_UNKNOWN = re.compile(r"Object contains unknown field `([^`]{1,80})`(?: - at `(\$\S*)`)?")
_STEP = re.compile(r"\.([A-Za-z_]\w*)|(\[)")


def meant(refusal: str, kind: object) -> str:
    """`; did you mean …?` for a refusal of the decoder about an unknown field of a `kind`, else nothing."""
    found = _UNKNOWN.fullmatch(refusal)
    if found is None:
        return ""
    there = _at(inspect.type_info(kind), found[2] or "$")
    near = get_close_matches(found[1], [field.encode_name for each in there for field in each.fields], 1)
    return f"; did you mean `{near[0]}`?" if near else ""


def _at(top: inspect.Type, path: str) -> list[inspect.StructType]:
    """The structs that a value at a path, such as `$.usage[0]`, may be."""
    kinds = [top]
    for name, _ in _STEP.findall(path):
        kinds = [inner for kind in kinds for each in _ways(kind) for inner in _inside(each, name)]
    return [each for kind in kinds for each in _ways(kind) if isinstance(each, inspect.StructType)]


def _ways(kind: inspect.Type) -> Iterator[inspect.Type]:
    """What a type may be, without names and notes around it."""
    if isinstance(kind, inspect.Metadata):
        yield from _ways(kind.type)
    elif isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _ways(each)
    else:
        yield kind


def _inside(kind: inspect.Type, name: str) -> Iterator[inspect.Type]:
    """One step into a type: into a field, or without a name into what an array or an object holds."""
    if isinstance(kind, inspect.StructType):
        yield from (field.type for field in kind.fields if field.encode_name == name)
    elif not name and isinstance(kind, inspect.ListType | inspect.VarTupleType):
        yield kind.item_type
    elif not name and isinstance(kind, inspect.DictType):
        yield kind.value_type

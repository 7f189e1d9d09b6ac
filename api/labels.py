"""Filters as people write them in a query: `model=small`, again for any of several, `model.not=`, `model.prefix=`."""

from __future__ import annotations

from collections.abc import Mapping

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from api.auth import own_filters
from api.given import TheCaller
from api.parameters import Names
from api.query import declared
from api.request import Request
from meter.errors import InvalidParameter
from meter.labels import BUILT_IN, Filter, Op, check_bounded

TheFilters = NamedDependency[SkipValidation[tuple[Filter, ...]]]
"""What a question about usage is narrowed to, for a handler with `opt=OPEN`; held to what the caller may see."""

OPS: dict[str, Op] = {"": "in", "in": "in", "not": "not", "prefix": "prefix"}
HOW = "write name=value (again for any of several), name.not=value, name.prefix=value; an empty value: has none"


async def asked_filters(
    request: Request, caller: TheCaller, member: Names = None, service: Names = None, key: Names = None
) -> tuple[Filter, ...]:
    """The filters of a question, as far as the caller may see. Raises InvalidParameter, Forbidden."""
    given = {"member": member, "service": service, "key": key}
    own = declared(request).difference(BUILT_IN)
    query = {name: values for name, values in request.query_params.dict().items() if name not in given}
    query |= {name: values for name, values in given.items() if values is not None}
    return own_filters(caller, filters_of(query, own))


def filters_of(query: Mapping[str, list[str]], own: frozenset[str]) -> tuple[Filter, ...]:
    """The filters in a query: all that is left when the route's `own` parameters are taken.

    An empty value stands for usage that has no such label. Raises InvalidParameter for an operator that is none, an
    empty prefix, or too many.
    """
    found = tuple(_filter(written, values) for written, values in sorted(query.items()) if written not in own)
    check_bounded(found)
    return found


def _filter(written: str, values: list[str]) -> Filter:
    name, _, op = written.partition(".")
    if op not in OPS:
        raise InvalidParameter(f"{written[:64]!r} is no filter; {HOW}")
    if OPS[op] == "prefix" and "" in values:
        raise InvalidParameter(f"{written[:64]}: a prefix has at least one character")
    return Filter(name, OPS[op], tuple(value or None for value in values))

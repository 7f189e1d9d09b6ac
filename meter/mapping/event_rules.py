"""What a rule for events says: which ones it is about, and where in them their value and their owners stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from meter.facts import size_refusal
from meter.streams import Occurrence

Pattern = Annotated[str, Meta(max_length=300)]
Patterns = Pattern | Annotated[list[Pattern], Meta(max_length=50)]
Where = Annotated[dict[Annotated[str, Meta(max_length=300)], Patterns], Meta(max_length=16)]
Expression = Annotated[str, Meta(min_length=1, max_length=300)]

ROOT, LITERAL = "$", "="
_STEP = re.compile(r"""\.([^.\[\]"'*$@]+)|\["([^"]+)"\]|\['([^']+)'\]""")
_PATH = re.compile(rf"\$(?:{_STEP.pattern})+")
_ATTRIBUTES: Mapping[str, Literal["subject", "service", "source", "type"]] = {
    "subject": "subject",
    "service": "service",
    "source": "source",
    "type": "type",
}


class EventRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events count to which meter, by which number of their data, and whose they are.

    `type` and the values of `where` are patterns: `*` stands for anything, `?` for one character, `!` in front for
    anything else, and empty for nothing there. Of several, one must fit and none of the `!`. The keys of `where`, and
    `member`, `service` and `dimensions` are expressions: a path into the data (`$.model`, `$.usage["total.tokens"]`),
    `subject`, `service`, `source` or `type`; and, but for the keys, a text as it stands (`=eu`). An event's member is
    its subject and its service the one it names, unless the rule says otherwise.

    `value` is the path of the number, which times `multiply` is in the unit that the meter is sent in. Without it each
    event counts `multiply`. Raises ValueError, which names the field, for what is no such expression.
    """

    type: Expression
    meter: Annotated[str, Meta(max_length=63)] | None = None
    ignore: bool = False
    where: Where = {}
    value: Expression | None = None
    member: Expression | None = None
    service: Expression | None = None
    dimensions: dict[str, Expression] = {}
    multiply: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        """Raises ValueError for what could never be looked up."""
        if self.value is not None and not is_path(self.value):
            raise ValueError(f"value: {self.value[:64]!r} is no path into the data, as in $.tokens")
        for field, expression in _expressions(self):
            if not is_path(expression) and expression not in _ATTRIBUTES and not expression.startswith(LITERAL):
                raise ValueError(
                    f"{field}: {expression[:64]!r} is no path as in $.model, none of {', '.join(_ATTRIBUTES)}, and no "
                    "text as in =eu"
                )
        for key in self.where:
            if not is_path(key) and key not in _ATTRIBUTES:
                raise ValueError(f"where: {key[:64]!r} is no path as in $.model, and none of {', '.join(_ATTRIBUTES)}")
        if size_refusal(self.multiply) or self.multiply == 0:
            raise ValueError("multiply: a number above 0, below 10^26")


def is_path(expression: str) -> bool:
    """Whether it leads into the data: `$`, then `.name`, `["name"]` or `['name']`, once or more."""
    return _PATH.fullmatch(expression) is not None


@lru_cache(maxsize=10_000)
def path(expression: str) -> tuple[str, ...]:
    """The names that a path goes by, from the outside in."""
    return tuple(dotted or double or single for dotted, double, single in _STEP.findall(expression))


def lookup(expression: str, data: Mapping[str, object]) -> object:
    """What stands at a path; None where nothing does."""
    found: object = data
    for name in path(expression):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def text_at(expression: str, occurrence: Occurrence) -> str | None:
    """What an expression says of an event as a text; None where it says nothing, or a list or an object."""
    if expression.startswith(LITERAL):
        return expression[len(LITERAL) :] or None
    if expression in _ATTRIBUTES:
        said: str | None = getattr(occurrence, _ATTRIBUTES[expression])
        return said or None
    return text_of(lookup(expression, occurrence.data))


def text_of(value: object) -> str | None:
    """A text, number or truth value as JSON has it; None for all else, and for an empty text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) or None if isinstance(value, (str, int, float, Decimal)) else None


def _expressions(rule: EventRule) -> Iterator[tuple[str, str]]:
    for field, expression in (("member", rule.member), ("service", rule.service)):
        if expression is not None:
            yield field, expression
    yield from ((f"dimensions.{name[:64]}", expression) for name, expression in rule.dimensions.items())

"""docs/problems.md lists what the registry of codes says; METER_UPDATE_GOLDEN=1 writes it anew."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from meter.errors import CODES, Problem
from meter.event_codes import EVENT_CODES, UNMAPPED_REASONS, EventCode

PAGE = Path(__file__).resolve().parents[1] / "docs" / "problems.md"
HEAD = """\
# Problems

Every way Hourmeter says no, under codes that stay. This page is made of `meter/errors.py` and
`meter/event_codes.py`.

A refusal is a problem document (RFC 9457, `application/problem+json`): `type`, `title`, `status`, `detail` (what to
change), `code`, `instance` (the path) and `request_id`, which is the answer's `X-Request-Id` and is in our log. Decide
by `code`: titles and details may be worded anew. `type` is `urn:hourmeter:problem:` and the code: a name, no address.

**A retry helps** with *yes*: the same request may be sent again, after the seconds of `Retry-After`; *perhaps*: once,
later; *no*: only a changed request can succeed. Nothing that was refused is stored, and events that bring an id or a
time count once however often they are sent.

## Refused requests

| status | code | when | what to do | a retry helps |
|---|---|---|---|---|
"""
EVENTS = """
## Events that were not taken

The other events of the body are stored; the receipt names each of these by its index, with code and detail. A retry of
the same event helps only where the last column says so.

| code | when | what to do |
|---|---|---|
"""
UNMAPPED = """
## What makes no usage

Points of collectors that the mapping makes no usage of are no error: they are taken and not billed.
`GET /v1/mapping/unmapped` lists their metrics under one of these reasons, with a detail; so it does the types of events
that no rule takes. A mapping that is changed is asked about what comes from then on.

| reason | when | what to do |
|---|---|---|
"""


def retry(problem: type[Problem]) -> str:
    """Answer whether the same request may succeed when it is sent again."""
    if problem.retry_after_s is not None:
        return "yes"
    return "perhaps" if problem.status >= 500 or problem.status == 408 else "no"


def cell(text: str) -> str:
    """Answer a text as it stands in a table: on one line, bars escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def rows() -> Iterator[str]:
    """Walk over the lines of all tables, with what stands between them."""
    for problem in sorted(CODES, key=lambda each: (each.status, each.code)):
        when = cell(inspect.getdoc(problem) or "")
        yield f"| {problem.status} | `{problem.code}` | {when} | {cell(problem.remedy)} | {retry(problem)} |\n"
    yield EVENTS
    yield from coded(EVENT_CODES)
    yield UNMAPPED
    yield from coded(UNMAPPED_REASONS)


def coded(registry: Mapping[str, EventCode]) -> Iterator[str]:
    """Walk over the lines of a table of codes."""
    for name, code in registry.items():
        yield f"| `{name}` | {cell(code.when)} | {cell(code.remedy)} |\n"


def test_the_page_lists_every_code() -> None:
    """Word for word what the registry says."""
    page = HEAD + "".join(rows())
    if os.environ.get("METER_UPDATE_GOLDEN"):
        PAGE.write_text(page, "utf-8")
    assert PAGE.read_text("utf-8") == page, "run METER_UPDATE_GOLDEN=1 on tests/test_problems_doc.py"

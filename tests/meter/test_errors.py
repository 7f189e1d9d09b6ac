"""The registry of codes: complete, unique, and what the code says is what is written down."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from meter import errors
from meter.errors import CODES, Problem
from meter.event_codes import EVENT_CODES, UNMAPPED_REASONS

ROOT = Path(errors.__file__).resolve().parents[1]
PACKAGES = ("analytics", "api", "dashboards", "meter")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
SNAKE = re.compile(r"[a-z]+(_[a-z]+)*")


def subclasses(of: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Answer subclasses, and theirs."""
    for found in of.__subclasses__():
        yield found
        yield from subclasses(found)


def trees() -> Iterator[tuple[Path, ast.AST]]:
    """Parse the program."""
    for path in FILES:
        yield path, ast.parse(path.read_text("utf-8"))


def test_every_problem_is_registered() -> None:
    """Problems of problems too; a class that is not in the tuple would be a code that nobody documents."""
    assert set(CODES) == set(subclasses())
    assert len(CODES) == len(set(CODES))
    assert {problem.__module__ for problem in CODES} == {errors.__name__}


def test_no_other_file_makes_problems_of_its_own() -> None:
    """One file is the registry, whichever files a test happens to import."""
    names = {"Problem"} | {problem.__name__ for problem in CODES}
    elsewhere = [
        (path.name, node.name)
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and path != ROOT / "meter" / "errors.py"
        for base in node.bases
        if getattr(base, "id", getattr(base, "attr", None)) in names
    ]
    assert elsewhere == []


def test_codes_are_unique_and_in_snake_case() -> None:
    """Among problems, and among the reasons for single events and for what is unmapped."""
    codes = [problem.code for problem in CODES]
    assert len(set(codes)) == len(codes)
    assert Problem.code not in codes
    assert all(SNAKE.fullmatch(code) for code in (*codes, *EVENT_CODES, *UNMAPPED_REASONS, Problem.code))


@pytest.mark.parametrize("problem", CODES)
def test_each_problem_says_what_it_is(problem: type[Problem]) -> None:
    """Its own code and title, a description, a status that fits, and a time to wait where waiting helps."""
    assert {"code", "title", "remedy"} <= vars(problem).keys()
    assert problem.remedy.endswith(".")
    assert problem.__doc__
    assert 400 <= problem.status < 600
    assert (problem.retry_after_s is None) == (problem.status not in {429, 503})


def test_event_codes_say_what_is_wrong() -> None:
    """A sentence each, and one on what to do about it."""
    told = (*EVENT_CODES.values(), *UNMAPPED_REASONS.values())
    assert all(text.endswith(".") and len(text) > 10 for code in told for text in code)


def test_details_and_members_are_kept() -> None:
    """The detail is the message; without one, the title is."""
    made = errors.Busy("later", team=1)
    assert (str(made), made.detail, made.members) == ("later", "later", {"team": 1})
    assert (str(errors.Busy()), errors.Busy().detail) == (errors.Busy.title, errors.Busy.title)


# Where a call that makes one of these has its code: in which place, or under which name.
OF_EVENTS = {"Refusal": (0, "code"), "Rejection": (1, "code"), "Refused": (2, "code"), "Bad": (1, "code")}
UNMAPPED = {"Unmapped": (0, "reason")}


def used_codes(tree: ast.AST, makers: Mapping[str, tuple[int, str]]) -> Iterator[str]:
    """Answer the codes that calls name as plain texts, wherever they stand in the call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            made = makers.get(ast.unparse(node.func).rpartition(".")[2])
            if made is not None:
                position, keyword = made
                named = {each.arg: each.value for each in node.keywords}
                value = node.args[position] if len(node.args) > position else named.get(keyword)
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value


def everywhere(makers: Mapping[str, tuple[int, str]]) -> set[tuple[str, str]]:
    """Answer the codes that the program names, with where."""
    return {(path.name, code) for path, tree in trees() for code in used_codes(tree, makers)}


def parsed(*parts: str) -> ast.Module:
    """Parse one file of the program."""
    return ast.parse(ROOT.joinpath(*parts).read_text("utf-8"))


def codes_of(module: ast.Module, function: str) -> set[str]:
    """Answer the codes of refusals that a function names, or one that it calls in the same file."""
    bodies = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    found, left = set[str](), {function}
    seen = set[str]()
    while left:
        name = left.pop()
        seen.add(name)
        found |= set(used_codes(bodies[name], OF_EVENTS))
        left |= {node.id for node in ast.walk(bodies[name]) if isinstance(node, ast.Name)} & bodies.keys() - seen
    return found


def test_codes_of_refusals_are_registered_and_all_of_them_used() -> None:
    """What the program can say of an event is what is documented, no less and no more.

    Some are told by the field that can't be read; an event that no rule takes is told so in its receipt.
    """
    found = everywhere(OF_EVENTS)
    assert {(name, code) for name, code in found if code not in EVENT_CODES} == set()
    told_by_field = set(EVENT_CODES) & {
        node.value
        for node in ast.walk(parsed("api", "ingest", "bodies.py"))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    of_events = set(used_codes(parsed("meter", "mapping", "occurrences.py"), UNMAPPED))
    assert of_events == {"no_rule"}
    assert {code for _, code in found} | told_by_field | of_events == set(EVENT_CODES)


def test_reasons_of_what_is_unmapped_are_registered_and_all_of_them_used() -> None:
    """Those that routes name, and those for which a series can't be: `route` passes these on."""
    passed_on = codes_of(parsed("meter", "facts.py"), "series_refusal")
    assert "string_too_long" in passed_on
    assert {code for _, code in everywhere(UNMAPPED)} | passed_on == set(UNMAPPED_REASONS)

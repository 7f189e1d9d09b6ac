"""The registry of codes: complete, unique, and what the code says is what is written down."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from meter import errors
from meter.errors import CODES, Problem
from meter.event_codes import EVENT_CODES

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
    """Among problems, and among the reasons for single events."""
    codes = [problem.code for problem in CODES]
    assert len(set(codes)) == len(codes)
    assert Problem.code not in codes
    assert all(SNAKE.fullmatch(code) for code in (*codes, *EVENT_CODES, Problem.code))


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
    assert all(text.endswith(".") and len(text) > 10 for code in EVENT_CODES.values() for text in code)


def test_details_and_members_are_kept() -> None:
    """The detail is the message; without one, the title is."""
    made = errors.Busy("later", team=1)
    assert (str(made), made.detail, made.members) == ("later", "later", {"team": 1})
    assert (str(errors.Busy()), errors.Busy().detail) == (errors.Busy.title, errors.Busy.title)


def literal(call: ast.Call, position: int) -> str | None:
    """Answer an argument that is a plain text, wherever it stands."""
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    value = call.args[position] if len(call.args) > position else named.get("code")
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def used_codes() -> Iterator[tuple[str, str]]:
    """Answer the codes that calls of Refusal and Rejection name, with where."""
    positions = {"Refusal": 0, "Rejection": 1}
    for path, tree in trees():
        for node in ast.walk(tree):
            name = getattr(getattr(node, "func", None), "id", None)
            if isinstance(node, ast.Call) and name in positions:
                code = literal(node, positions[name])
                if code is not None:
                    yield path.name, code


def test_codes_of_refusals_are_registered_and_all_of_them_used() -> None:
    """What the program can say of an event is what is documented, no less and no more."""
    found = list(used_codes())
    assert [(name, code) for name, code in found if code not in EVENT_CODES] == []
    told_by_field = set(EVENT_CODES) & {
        node.value
        for node in ast.walk(ast.parse((ROOT / "api" / "ingest" / "bodies.py").read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(EVENT_CODES) - {code for _, code in found} - told_by_field == set()

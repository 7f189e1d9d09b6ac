"""What DESIGN says about folders, held by rules: each one stands for a mistake that is cheap now and dear later."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest

pytestmark = pytest.mark.tree
ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("api", "analytics", "dashboards", "meter", "sql")
LONGEST_FILE = 450
REGISTRY = "meter/errors.py"  # of all codes, in one file by design: a table, of which nobody reads two rows at once
LONGEST_FUNCTION = 70

# Folder, the tuple in its __init__ that lists its plug-ins, and what the tuple is for.
PLUGINS = {
    "analytics": "JOBS",
    "api.ingest": "PROTOCOLS",
    "api.routes": "ROUTES",
    "dashboards.pages": "PAGES",
    "meter.collect": "SOURCES",
    "meter.commands": "COMMANDS",
    "meter.load": "FORMATS",
    "meter.rating.models": "MODELS",
}

# Pure: no clock either. The rest of purity is an import contract in pyproject.toml.
PURE = ("meter/rating", "meter/subscriptions", "analytics", "dashboards/pages", "api/ingest")
IMPURE = ("analytics/run.py",)
CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"}
CLOCK_OWNERS = {"datetime", "date", "dt", "time"}

SQL = re.compile(
    r"""\s*(
        select\s+(\*|\d|\w+\s*\(|.*\bfrom\b)
        | SELECT\b
        | (insert|INSERT)\s+(into|INTO)\b
        | (update|UPDATE)\s+\S+\s+(set|SET)\b
        | (delete|DELETE)\s+(from|FROM)\b
        | (with|WITH)\s+(recursive\s+)?\w+\s*(\(.*\)\s*)?(as|AS)\s*\(
        | (create|drop|alter|CREATE|DROP|ALTER)\s+(or\s+replace\s+|unique\s+|temp\w*\s+|materialized\s+)*
          (table|index|view|schema|function|procedure|database|extension|type|role|sequence|trigger|TABLE|INDEX|VIEW)\b
        | (copy|COPY)\s+\S+.*\b(from|to|FROM|TO)\s+(stdin|stdout|STDIN|STDOUT)\b
        | (call|CALL)\s+\w+\s*\(
        | (truncate|TRUNCATE)\s+\w+
        | (set|SET)\s+(local|session|LOCAL|SESSION)\b
        | (listen|notify|LISTEN|NOTIFY|vacuum|VACUUM|analyze|ANALYZE|explain|EXPLAIN)\s+\w+
    )""",
    re.VERBOSE | re.DOTALL,
)


@cache
def tree(path: Path) -> ast.Module:
    """Parse a file once."""
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def python_files(*folders: str) -> list[Path]:
    """List every Python file below some folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def at(path: Path, node: ast.AST) -> str:
    """Say where a node is."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def texts(module: ast.Module) -> Iterator[tuple[ast.Constant, str]]:
    """Walk over every string and bytes literal that is not a docstring."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            if isinstance(node.value, str):
                yield node, node.value
            elif isinstance(node.value, bytes):
                yield node, node.value.decode("utf-8", "replace")


def test_imports_point_one_way() -> None:
    """The contracts in pyproject.toml hold. In a process of its own: it switches off whatever logs before it came."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "select id from team",
        "SELECT now()",
        "insert into team values (1)",
        "\n  update team set name = 'x'",
        "delete from team",
        "with a as (select 1) select * from a",
        "create unique index i on t (x)",
        "drop schema if exists meter cascade",
        "alter table t add column c int",
        "copy t from stdin",
        "call refresh(10)",
        "truncate t",
        "set local search_path = meter",
        "listen ready",
    ],
)
def test_sql_is_recognised(text: str) -> None:
    """The rule below sees what it is for."""
    assert SQL.match(text)


@pytest.mark.parametrize(
    "text",
    ["Select a team from the list", "update available", "with love as always", "create a team", "call us", "copy it"],
)
def test_prose_is_not_sql(text: str) -> None:
    """The rule below leaves sentences alone."""
    assert not SQL.match(text)


def test_no_sql_in_python() -> None:
    """Statements are files in sql/; nothing else reaches the database."""
    packages = [package for package in PACKAGES if package != "sql"]
    found = [at(path, node) for path in python_files(*packages) for node, text in texts(tree(path)) if SQL.match(text)]
    assert found == []


def test_nobody_asks_for_the_engine() -> None:
    """`migrate` asks once; the same statements run on every engine afterwards."""
    found = [
        at(path, node)
        for path in python_files(*PACKAGES)
        for node, text in texts(tree(path))
        if text == "timescale" and path != ROOT / "meter" / "migrate.py"
    ]
    assert found == []


def test_no_float_in_rating() -> None:
    """Money is Decimal: no float is named, written or annotated where it is computed."""
    found = [
        at(path, node)
        for path in python_files("meter/rating")
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
    ]
    assert found == []


def test_pure_code_reads_no_clock() -> None:
    """Pure code is told what time it is."""
    found = [
        at(path, node)
        for path in python_files(*PURE)
        if str(path.relative_to(ROOT)) not in IMPURE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
        and ast.unparse(node.func.value).split(".")[-1] in CLOCK_OWNERS
    ]
    assert found == []


def test_files_are_short() -> None:
    """A file answers one question; beyond this length it answers two."""
    files = set(python_files(*PACKAGES, "tests")) - {ROOT / REGISTRY}
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in files}
    assert {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_functions_are_short() -> None:
    """What fits on a screen can be checked by looking."""
    found = {
        f"{at(path, node)} {node.name}": length
        for path in python_files(*PACKAGES, "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert found == {}


@pytest.fixture(scope="module", name="graph")
def fixture_graph() -> grimp.ImportGraph:
    """Answer who imports whom among our packages."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


@pytest.mark.parametrize(("folder", "name"), PLUGINS.items())
def test_plugins_are_listed(folder: str, name: str, graph: grimp.ImportGraph) -> None:
    """The tuple lists modules of its folder, once each, and no file there is forgotten by tuple and imports alike."""
    listed = [f"{folder}.{module}" for module in elements(ROOT / folder.replace(".", "/") / "__init__.py", name)]
    there = {f"{folder}.{path.stem}" for path in (ROOT / folder.replace(".", "/")).glob("*.py")} - {
        f"{folder}.__init__"
    }
    assert listed, f"{folder}.{name} is empty"
    assert len(set(listed)) == len(listed)
    assert set(listed) <= there
    helpers = {module for module in there if graph.find_modules_that_directly_import(module) - {folder}}
    roots = {"analytics.run"}
    assert there - set(listed) - helpers - roots == set(), f"neither in {folder}.{name} nor imported by anything"


def elements(path: Path, name: str) -> list[str]:
    """Answer the modules a tuple in a file is made of: `host` for both `host` and `host.SOURCE`."""
    for node in tree(path).body:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        if [ast.unparse(target) for target in targets] == [name]:
            assert isinstance(node, (ast.Assign, ast.AnnAssign))
            assert isinstance(node.value, ast.Tuple), f"{name} is a tuple, written out"
            return [ast.unparse(element).split(".")[0] for element in node.value.elts]
    raise AssertionError(f"{path.relative_to(ROOT)} has no {name}")


def test_only_the_composition_root_runs_analytics(graph: grimp.ImportGraph) -> None:
    """analytics/run.py does I/O: whoever leans on it is no longer pure."""
    if "analytics.run" in graph.modules:
        importers = graph.find_modules_that_directly_import("analytics.run")
        assert {name for name in importers if not name.startswith("meter.commands.")} <= {"meter.worker"}


def test_every_folder_is_a_package() -> None:
    """A folder without __init__.py would be left out of the wheel, and of every rule here."""
    bare = {path.parent for path in python_files(*PACKAGES) if not (path.parent / "__init__.py").exists()}
    assert bare == set()


def test_third_party_imports_are_declared() -> None:
    """What the program imports is a dependency of the program, not only of its tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {name for line in project["dependencies"] for name in distributions(line)}
    homes = packages_distributions()
    undeclared = {
        f"{at(path, node)} {name}"
        for path in python_files(*PACKAGES)
        for node in ast.walk(tree(path))
        for name in imported(node)
        if name not in sys.stdlib_module_names
        and name not in PACKAGES
        and not declared & {normal(home) for home in homes.get(name, ())}
    }
    assert undeclared == set()


def distributions(requirement: str) -> set[str]:
    """Name the distribution of a requirement, and those its extras stand for (psycopg[pool] is psycopg-pool)."""
    name, _, rest = requirement.partition("[")
    if not rest:
        return {normal(re.split(r"[^A-Za-z0-9._-]", requirement)[0])}
    return {normal(name), *(normal(f"{name}-{extra.strip()}") for extra in rest.split("]")[0].split(","))}


def imported(node: ast.AST) -> list[str]:
    """Name the top-level packages an import statement brings in."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module.split(".")[0]]
    return []


def normal(name: str) -> str:
    """Spell a distribution's name the one way that compares."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_lock_files_name_no_host() -> None:
    """The lock says what, by hash; where from is the installer's business."""
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text("utf-8")
        assert "://" not in text, lock
        assert "--hash=sha256:" in text, lock


def test_lock_files_hold_every_dependency() -> None:
    """Adding a dependency without locking it again fails here, not on somebody's machine."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = {
        "requirements.lock": project["project"]["dependencies"],
        "requirements-dev.lock": [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]],
    }
    for lock, lines in wanted.items():
        locked = set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / lock).read_text("utf-8"), re.MULTILINE))
        assert {name for line in lines for name in distributions(line)} <= locked

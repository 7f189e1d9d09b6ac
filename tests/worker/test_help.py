"""The pages of `meter --help`: each says what the command is for, and what its examples show can be typed."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator

import pytest

from meter.__main__ import EXAMPLES, make_parser
from meter.commands import COMMANDS
from meter.settings import SETTINGS


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Walk over a parser and all below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


PAGES = {parser.prog: parser for parser in parsers(make_parser())}
page = pytest.mark.parametrize("parser", PAGES.values(), ids=PAGES)


def shown(parser: argparse.ArgumentParser) -> list[str]:
    """Answer the command lines under `examples:` on a page."""
    found = re.search(r"^examples:\n((?:  .*\n)+)", parser.format_help(), re.MULTILINE)
    assert found, f"{parser.prog} --help shows no example"
    return [line.strip() for line in found[1].splitlines() if not line.startswith("  #")]


@page
def test_a_page_says_all_a_page_should(parser: argparse.ArgumentParser) -> None:
    """A purpose of more than a line, examples, exit codes, and where settings come from."""
    said = parser.format_help()
    assert parser.description
    assert len(parser.description) > len("A sentence of the usual length that only says it again.")
    assert re.search(r"^exit codes:\n  0 .*\n(?:  \d+ .*\n)*  2 .*\n  130 ", said, re.MULTILINE)
    assert "Settings come from" in said
    assert shown(parser)


@page
def test_options_say_what_they_do_and_what_holds_without_them(parser: argparse.ArgumentParser) -> None:
    """Each has help, and each value that holds without it is named as its default."""
    actions = [action for action in parser._actions if not isinstance(action, argparse._SubParsersAction)]
    assert [action.dest for action in actions if not action.help] == []
    valued = [action for action in actions if action.option_strings and action.nargs != 0]
    assert [a.dest for a in valued if a.default not in (None, []) and "default" not in str(a.help)] == []


@page
def test_examples_can_be_typed(parser: argparse.ArgumentParser) -> None:
    """Every example is a command line the parser takes, with settings and variables that there are."""
    known = {setting.name for setting in SETTINGS} | {"HOURMETER_KEY"}
    for line in shown(parser):
        words = shlex.split(line)
        while "=" in words[0]:
            assert words.pop(0).split("=")[0] in known
        assert words.pop(0) == "meter"
        assert callable(make_parser().parse_args(words).run)


def test_settings_named_on_pages_exist() -> None:
    """What a page says steers its command is a setting."""
    known = {setting.name for setting in SETTINGS}
    assert {name for command in COMMANDS for name in command.page.settings} <= known
    assert EXAMPLES

"""What is a command? Its name, its page of help as data, the arguments it takes, and the function that runs it."""

from __future__ import annotations

import argparse
import sys
from argparse import ArgumentParser, HelpFormatter, Namespace
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from meter.settings import Settings

PROGRAM = "meter"
FOUND_SOMETHING = 1
CANNOT = 2
INTERRUPTED = 130

_VERBATIM = "\0"

Run = Callable[[Settings, Namespace], int]
Subparsers = Any  # argparse keeps the type of its subparsers to itself


class Page(NamedTuple):
    """A page of help.

    `summary` is its line in the list of commands, `text` says what the command is for (an empty line parts paragraphs),
    `examples` are command lines with what each is for, `codes` the exit codes this command has besides the usual ones,
    `settings` the names of those that steer it.
    """

    name: str
    summary: str
    text: str
    examples: tuple[tuple[str, str], ...]
    settings: tuple[str, ...] = ()
    codes: Mapping[int, str] = MappingProxyType({})


def _no_arguments(_parser: ArgumentParser) -> None:
    pass


class Command(NamedTuple):
    """A command: its page, the function that runs it and answers the exit code, and one that adds its arguments."""

    page: Page
    run: Run
    add_arguments: Callable[[ArgumentParser], None] = _no_arguments

    def add_to(self, subparsers: Subparsers) -> None:
        """Adds the command to those of a parser."""
        parser = add_page(subparsers, self.page)
        parser.set_defaults(run=self.run)
        self.add_arguments(parser)


class PageFormatter(HelpFormatter):
    """Fills paragraphs one by one, and leaves those marked as verbatim as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        parts = [
            part.removeprefix(_VERBATIM) if part.startswith(_VERBATIM) else fill(part, width, indent)
            for part in text.split("\n\n")
        ]
        return "\n\n".join(parts)


USUAL = MappingProxyType(
    {
        0: "it went well",
        CANNOT: "it could not begin: standard error says why, and what to change",
        INTERRUPTED: "stopped by Ctrl-C before its end",
    }
)


def add_page(subparsers: Subparsers, page: Page) -> ArgumentParser:
    """Adds a parser with that page of help, and answers it."""
    parser: ArgumentParser = subparsers.add_parser(
        page.name,
        help=page.summary,
        description=f"{page.summary}. {page.text}".strip(),
        epilog=epilog(page.examples, {**USUAL, **page.codes}, page.settings),
        formatter_class=PageFormatter,
    )
    return parser


def epilog(examples: tuple[tuple[str, str], ...], codes: Mapping[int, str], settings: tuple[str, ...]) -> str:
    """What stands below the options: examples, exit codes, and where the settings come from."""
    shown = "\n".join(f"  # {what}\n  {line}" for line, what in examples)
    listed = "\n".join(f"  {code:<5} {what}" for code, what in sorted(codes.items()))
    which = f"Settings that matter here: {', '.join(settings)}. " if settings else ""
    return "\n\n".join(
        [
            f"{_VERBATIM}examples:\n{shown}",
            f"{_VERBATIM}exit codes:\n{listed}",
            f"{which}Settings come from environment variables; `{PROGRAM} settings` lists each with its default.",
        ]
    )


def refuse(why: str) -> int:
    """Says on standard error why the command can't begin, and answers the exit code for that."""
    sys.stderr.write(f"{PROGRAM}: {why}\n")
    return CANNOT


def add_with_parent(parser: argparse.ArgumentParser) -> None:
    """Adds `--with-parent`, which `meter.processes` gives to every child."""
    text = "stop as well when standard input closes: for a process that shall end with the one that started it"
    parser.add_argument("--with-parent", action="store_true", help=text)

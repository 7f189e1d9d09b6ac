"""Which prices of language models does a book take from a price file, when, and with what markup?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from meter.rating import catalogue
from meter.rating.catalogue import CatalogueError, TokenPrices
from meter.rating.models import matrix
from meter.rating.table import Table

FIELD: Final = "catalogue"
ALL: Final = ("*",)
MAX_MARKUP: Final = 1000


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """What a price file of ``as_of`` says about the models chosen, ``markup`` included.

    ``left_out`` are the prices of these models that no table can express, by model, as the file calls them.
    """

    file: str
    as_of: date
    markup: Decimal
    models: tuple[str, ...]
    prices: tuple[TokenPrices, ...]

    @property
    def left_out(self) -> dict[str, tuple[str, ...]]:
        """Every price of the chosen models that the book can't have."""
        return catalogue.left_out(self.prices)


def is_beside(file: str) -> bool:
    """Whether a file is named without a folder: it lies beside the book, and nowhere else."""
    return not {"/", "\\", "\0"} & set(file) and file not in {".", ".."}


def read_catalogue(table: Table, attached: Mapping[str, str]) -> Catalogue:
    """Read which models are taken from which file. Raises BookError, of the file's own mistakes too."""
    file = table.text("file")
    if not is_beside(file):
        table.refuse("file", f"{file!r} is not the name of a file", 'write it without folders: file = "prices.json"')
    as_of = table.date("as_of")
    markup = table.number("markup", Decimal(1), positive=True, such='"1.5"')
    patterns = table.names("models")
    table.finish()
    if markup > MAX_MARKUP:
        table.refuse("markup", f"{markup} is more than {MAX_MARKUP} times as much", 'write a factor, e.g. "1.5"')
    if table.has("models") and not patterns:
        table.refuse("models", "is empty, so no model would have a price", 'write models = ["gpt-*"], or leave it out')
    if file not in attached:
        table.refuse("file", f"{file} is not there", "put it beside the book, or write the name of one that is")
    try:
        known = catalogue.read(attached[file], markup)
    except CatalogueError as error:
        table.refuse("file", f"{file}: {error}", "write the name of a price file as litellm ships it")
    chosen = _chosen(known, patterns, table)
    if not any(each.prices for each in chosen):
        table.refuse("models", "none of these has a price by the token", "choose others, or leave it out for all")
    return Catalogue(file=file, as_of=as_of, markup=markup, models=patterns or ALL, prices=chosen)


def _chosen(known: tuple[TokenPrices, ...], patterns: tuple[str, ...], table: Table) -> tuple[TokenPrices, ...]:
    """The models that a pattern fits, in the order of the file. A pattern for nobody is a slip."""
    for pattern in patterns:
        if not any(fnmatchcase(each.model, pattern) for each in known):
            near = get_close_matches(pattern, [each.model for each in known], 1)
            meant = f"did you mean {near[0]}?" if near else "* stands for any letters"
            table.refuse("models", f"no model is called {pattern!r}", meant)
    return tuple(each for each in known if any(fnmatchcase(each.model, pattern) for pattern in patterns or ALL))


def with_rates(table: Table, chosen: Catalogue | None) -> Table:
    """A price's table with the rates of the catalogue in place of ``catalogue = true``. Raises BookError."""
    if not table.flag(FIELD):
        return table.without(FIELD)
    if not table.says("model", matrix.NAME):
        table.refuse("model", "is no matrix, so it has no rates from the catalogue", f'write model = "{matrix.NAME}"')
    if table.has("rates"):
        table.refuse("rates", "come from the catalogue already", "leave out one of the two")
    if chosen is None:
        table.refuse(FIELD, "the book has none", 'write [catalogue] with file = "litellm_prices.json" and as_of')
    rates = catalogue.matrix(chosen.prices)["rates"]
    return table.without(FIELD, rates=rates)

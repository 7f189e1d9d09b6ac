"""Which statuses are billed: codes by codes, words by words, and what has none is billed."""

from __future__ import annotations

import pytest

from meter.statuses import billed, status_of


@pytest.mark.parametrize(
    ("status", "patterns", "is_billed"),
    [
        (None, ("2xx",), True),
        ("500", None, True),
        ("200", ("2xx",), True),
        ("204", ("2xx",), True),
        ("404", ("2xx",), False),
        ("404", ("2xx", "404"), True),
        ("403", ("2xx", "404"), False),
        ("500", ("1xx", "2xx", "3xx"), False),
        ("success", ("2xx",), True),
        ("Success", ("2xx", "success"), True),
        ("failed", ("2xx", "success"), False),
        ("500", ("success",), True),
        ("20", ("2xx",), True),
        ("2xx", ("200",), False),
        ("600", ("2xx",), True),
    ],
)
def test_codes_are_judged_by_codes_and_words_by_words(
    status: str | None, patterns: tuple[str, ...] | None, *, is_billed: bool
) -> None:
    """A list that says nothing of a kind leaves that kind billed."""
    assert billed(status, patterns) is is_billed


@pytest.mark.parametrize(
    ("dimensions", "attributes", "status"),
    [
        (None, None, None),
        ({}, {"status": 503}, "503"),
        ({}, {"status": "done"}, "done"),
        ({"status": "200"}, {"status": 503}, "200"),
        ({"model": "m"}, {"status": None}, None),
        ({}, {"status": True}, None),
        ({}, {"status": ["500"]}, None),
        ({}, {"status": 500.5}, None),
        ({}, {"status": 10**5000}, None),
    ],
)
def test_the_dimension_goes_before_the_attribute(
    dimensions: dict[str, str], attributes: dict[str, object], status: str | None
) -> None:
    """Texts and whole numbers are statuses, nothing else is."""
    assert status_of(dimensions, attributes) == status

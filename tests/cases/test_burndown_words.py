"""What a case writes in words is read, or refused: never guessed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.cases.case import NotUnderstoodError
from tests.cases.families.burndown_words import instant, many, recurrence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t0", datetime(2026, 1, 1, tzinfo=UTC)),
        ("t0-1d", datetime(2025, 12, 31, tzinfo=UTC)),
        ("t0 + 61m", datetime(2026, 1, 1, 1, 1, tzinfo=UTC)),
        ("t0+1d-30min", datetime(2026, 1, 1, 23, 30, tzinfo=UTC)),
        ("t0+1d6h30s", datetime(2026, 1, 2, 6, 0, 30, tzinfo=UTC)),
        ("t0+100y", datetime(2126, 1, 1, tzinfo=UTC)),
        ("t0-14mo", datetime(2024, 11, 1, tzinfo=UTC)),
        ("t0+2w", datetime(2026, 1, 15, tzinfo=UTC)),
        ("2026-03-01T01:00:00+01:00", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_times(text: str, expected: datetime) -> None:
    """From t0, or of their own."""
    assert instant(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("daily", ("day", 1)),
        ("DAY", ("day", 1)),
        ("1d", ("day", 1)),
        ("P1D", ("day", 1)),
        ("24h", ("hour", 24)),
        ("PT1H", ("hour", 1)),
        ("every 2 weeks", ("week", 2)),
        ("P1M", ("month", 1)),
        ("monthly", ("month", 1)),
        ("annually", ("year", 1)),
    ],
)
def test_recurrences(text: str, expected: tuple[str, int]) -> None:
    """Words, lengths, and those of ISO 8601."""
    assert recurrence(text) == expected


@pytest.mark.parametrize(
    ("text", "number", "amount"),
    [
        ("100,000 grants of 10, each expiring an hour later", 100_000, "10"),
        ("20 identical grants with amount 2.5 and their own expiry", 20, "2.5"),
        ("3 grants, 7 each, expiries shuffled", 3, "7"),
    ],
)
def test_grants_in_words(text: str, number: int, amount: str) -> None:
    """As many as are said, alike but for when they end."""
    found = many(text)
    assert len(found) == len({grant.ends for grant in found}) == len({grant.name for grant in found}) == number
    assert {grant.amount for grant in found} == {Decimal(amount)}
    soonest = min(range(number), key=lambda place: found[place].ends or datetime.max.replace(tzinfo=UTC))
    assert 0 < soonest < number - 1 or number < 3


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((instant, text) for text in ("", "noon", "t1+1h", "t0+h", "t0+1x", "t0 1h", "1t0", "2026-01-01", "t0+1h!")),
        *((recurrence, text) for text in ("", "often", "PT1M", "P1H", "1.5d", "daily at noon")),
        *(
            (many, text)
            for text in (
                "",
                "grants of 10 that expire",
                "10 grants that expire",
                "10 grants of 5",
                "0 grants of 5 that expire",
            )
        ),
    ],
)
def test_what_is_not_understood_is_refused(read: Callable[[str], object], text: str) -> None:
    """So that its case fails."""
    with pytest.raises(NotUnderstoodError):
        read(text)

"""Forecasts made ahead, on every engine: of each meter that adds up, from its own data, made anew when that changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from analytics import forecasts as job
from analytics import run
from analytics.forecasts import Forecasts
from meter import results
from meter.database import Connection
from meter.limits import acts
from meter.limits.wish import Wish
from meter.model import Event, Team
from meter.past import Past
from meter.results import Result
from tests.contract.place import NOW, Place, ask, make_team, send

HOUR = timedelta(hours=1)
TOP = NOW.replace(minute=0, second=0)


def usage(hours: int, meter: str = "requests", until: datetime = TOP) -> list[Event]:
    """Answer as many hours of a day's rhythm: ten calls in each, a hundred from nine to five."""
    return [
        Event(
            id=f"{meter} {at:%m-%d %H}",
            time=at + timedelta(minutes=7),
            meter=meter,
            quantity=Decimal(100 if 9 <= at.hour < 17 else 10),
        )
        for at in (until - number * HOUR for number in range(1, hours + 1))
    ]


def used(events: Iterable[Event]) -> Decimal:
    """Answer what events come to."""
    return sum((Decimal(each.quantity or 0) for each in events), Decimal(0))


async def found(conn: Connection, team: Team, meter: str) -> tuple[Result, Forecasts]:
    """Answer the stored result of a meter."""
    there = await results.get(conn, team.id, "forecast", meter)
    assert there is not None
    return there, msgspec.convert(there.body, Forecasts, strict=False)


async def test_a_rhythm_is_seen(place: Place) -> None:
    """Three weeks of the same day: the days to come are such days, and the month adds up from what is known."""
    await send(place, *usage(21 * 24))
    async with place.pool.connection() as conn:
        made = await run.forecasts_turn(conn, NOW)
        assert (made.made, made.failed, made.left) == (1, 0, 0)
        stored, forecasts = await found(conn, place.team, "requests")
    assert (stored.made_at, stored.run) == (NOW, made.run)
    assert isinstance(stored.run, UUID)
    assert [each.from_ for each in forecasts.hour.points[:2]] == [TOP, TOP + HOUR]
    means = {each.from_: each.mean for each in forecasts.hour.points}
    assert len(means) == 72
    assert all(
        mean == pytest.approx(Decimal(100 if 9 <= at.hour < 17 else 10), abs=Decimal("0.01"))
        for at, mean in means.items()
        if mean is not None
    )
    assert len(forecasts.day.points) == 35
    whole = forecasts.total
    assert whole is not None
    assert whole.to == datetime(2026, 12, 1, tzinfo=UTC)
    november = datetime(2026, 11, 1, tzinfo=UTC)
    assert whole.known == used(each for each in usage(21 * 24) if each.time is not None and each.time >= november)
    left = sum(100 if 9 <= (TOP + number * HOUR).hour < 17 else 10 for number in range(int((whole.to - TOP) / HOUR)))
    assert whole.mean == pytest.approx(whole.known + left, abs=1)


async def test_it_is_made_anew_when_data_came_and_not_before(place: Place) -> None:
    """Within an hour nothing; then it stands where nothing came, for a day; with new data it is another."""
    await send(place, *usage(48))
    async with place.pool.connection() as conn:
        await run.forecasts_turn(conn, NOW)
        first, _ = await found(conn, place.team, "requests")
        assert (await run.forecasts_turn(conn, NOW + HOUR / 2)).made == 0
        assert (await run.forecasts_turn(conn, NOW + HOUR)).made == 0
        assert (await found(conn, place.team, "requests"))[0] == first
        await send(place, *usage(1, until=TOP + HOUR))
        made = await run.forecasts_turn(conn, NOW + 3 * HOUR)
        assert made.made == 1
        assert (await found(conn, place.team, "requests"))[0].run == made.run
        assert (await run.forecasts_turn(conn, NOW + 28 * HOUR)).made == 1


async def test_another_team_changes_nothing(place: Place) -> None:
    """Each meter of each team is forecast by its own usage."""
    await send(place, *usage(72))
    async with place.pool.connection() as conn:
        await run.forecasts_turn(conn, NOW)
        _, alone = await found(conn, place.team, "requests")
        team, caller = await make_team(conn)
        receipt = await place.ingest.take(team, caller, usage(50, "tokens.input"), NOW)
        assert receipt.accepted == 50
        await ask(conn, "forget_results")
        made = await run.forecasts_turn(conn, NOW)
        assert made.made == 2
        assert (await found(conn, place.team, "requests"))[1] == alone
        assert (await found(conn, team, "tokens.input"))[1].hour.observations == 50


async def test_a_turn_that_has_no_time_left_says_what_waits(place: Place) -> None:
    """What it did not come to is made in the next one."""
    await send(place, *usage(30), *usage(30, "tokens.input"))
    async with place.pool.connection() as conn:
        made = await run.forecasts_turn(conn, NOW, budget_s=0)
        assert (made.made, made.left) == (0, 2)
        assert (await run.forecasts_turn(conn, NOW)).made == 2


async def test_limits_have_a_date(place: Place) -> None:
    """A budget of the month that is short by a day of use, and one that is never reached; others are not told of."""
    await send(place, *usage(17 * 24 + 12))
    spent = used(usage(17 * 24 + 12))
    days = 8 * 100 + 16 * 10
    async with place.pool.connection() as conn:
        for name, amount, meters in (
            ("tight", spent + days, ("requests",)),
            ("wide", spent * 100, ("requests",)),
            ("other", spent, ("tokens.input",)),
            ("both", spent, ("tokens.input", "tokens.output")),
        ):
            await acts.create(conn, place.team, Wish(name, "units", Decimal(amount), "month", meters=meters), NOW)
        await run.forecasts_turn(conn, NOW)
        _, forecasts = await found(conn, place.team, "requests")
    tight, wide = sorted(forecasts.limits, key=lambda each: each.name)
    assert (tight.kind, tight.name, wide.name) == ("budget", "tight", "wide")
    assert (tight.exhaustion.left, tight.exhaustion.probability) == (Decimal(days), Decimal(1))
    assert tight.exhaustion.expected is not None
    assert abs(tight.exhaustion.expected - (TOP + 24 * HOUR)) < HOUR / 60
    assert wide.exhaustion.expected is None
    assert wide.exhaustion.probability == 0


async def test_trouble_with_one_meter_is_its_own(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be computed says so and rests; the others are made."""
    whole = job.forecasts

    def broken(past: Past) -> Forecasts:
        if past.known == 240:
            raise ValueError("too large")
        return whole(past)

    monkeypatch.setattr(job, "forecasts", broken)
    twelve = [Event(id=f"t{n}", time=TOP - n * HOUR, meter="tokens.input", quantity=Decimal(20)) for n in range(1, 13)]
    await send(place, *usage(30), *twelve)
    async with place.pool.connection() as conn:
        made = await run.forecasts_turn(conn, NOW)
        assert (made.made, made.failed) == (1, 1)
        assert await results.get(conn, place.team.id, "forecast", "tokens.input") is None
        assert (await run.forecasts_turn(conn, NOW + HOUR / 2)).failed == 0

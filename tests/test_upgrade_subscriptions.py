"""Subscriptions of a database from before decisions were kept: the same plan at each instant, the same invoices."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import as_file
from pathlib import Path
from shutil import copytree

from meter.database import connect
from meter.migrate import Engine, migrate
from meter.subscriptions import store, timeline
from sql import ROOT
from tests.test_migrate import numbered, without_replaceables

BEFORE = """
    with made as (
        insert into team (public_id, name, timezone, currency)
        values ('01a1f8f7-f84e-7382-8f6e-a7db294548c7', 'Acme', 'UTC', 'USD') returning id
    ), price as (
        insert into price_version (book, version, content, created_at) values ('calls', 'v', '', now()) returning id
    ), subscribed as (
        insert into subscription (team_id, plan, anchor_day, starts_at, ends_at)
        select m.id, s.plan, s.anchor_day, s.starts_at::timestamptz, s.ends_at::timestamptz
        from made as m
        cross join (values
            ('calls/free', 31, '2026-01-05T10:00Z', '2026-03-01T00:00Z'),
            ('calls/pro', 31, '2026-03-01T00:00Z', '2026-05-01T00:00Z'),
            ('calls/free', 1, '2026-06-01T00:00Z', null)
        ) as s (plan, anchor_day, starts_at, ends_at)
        returning id, team_id, plan
    )
    insert into invoice (
        public_id, team_id, subscription_id, reason, period_from, period_to, zone, anchor_day, plan, price_version_id,
        rating_version, currency, total, exact, seller, customer, meters, data_snapshot, created_at, status, position,
        number, issued_at, due_at
    )
    select gen_random_uuid(), s.team_id, s.id, 'period', '2026-04-01Z', '2026-05-01Z', 'UTC', 1, s.plan, p.id, '1',
        'USD', 0, 0, '{}', '{}', '{}', pg_current_snapshot(), now(), 'open', 1, 'HM-1', now(), now()
    from subscribed as s cross join price as p
    where s.plan = 'calls/pro'
"""


def at(month: int, day: int) -> datetime:
    """Answer an instant of 2026."""
    return datetime(2026, month, day, tzinfo=UTC)


async def test_old_subscriptions_go_on(engine: Engine, empty_database: str, tmp_path: Path) -> None:
    """Plans follow each other as they did, a pause stays one, and the invoice is of what is one subscription now."""
    with as_file(ROOT) as source:
        before = Path(copytree(source, tmp_path / "before"))
    without_replaceables(before, engine)
    for file in numbered(before, engine):
        if file.name >= "0019":
            file.unlink()
    async with await connect(empty_database, autocommit=True) as conn:
        await migrate(conn, engine, root=before)
        await conn.execute(BEFORE)
        await migrate(conn, engine)
        found = await (await conn.execute(b"select team_id, subscription_id, status from invoice")).fetchall()
        ((team_id, subscription_id, status),) = found
        log = await store.read(conn, team_id)
    held = [timeline.stretch_at(log.standing, at(*day)) for day in ((2, 1), (4, 1), (5, 15), (7, 1))]
    assert [each and each.plan for each in held] == ["calls/free", "calls/pro", None, "calls/free"]
    assert (log.subscription_id, status) == (subscription_id, "open")
    period = timeline.period_at(log.standing, "UTC", at(2, 1))
    assert period is not None
    assert (period.start, period.end) == (at(1, 31), at(2, 28))

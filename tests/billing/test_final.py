"""What is final stays: the database itself refuses, whoever asks."""

from __future__ import annotations

from typing import LiteralString

import psycopg
import pytest

from meter import checks
from meter.database import Connection
from tests.billing.house import END, NOW, OCTOBER, START, House

CHANGES: tuple[LiteralString, ...] = (
    "update invoice set total = total + 1",
    "update invoice set number = 'HM-000009', position = 9",
    "update invoice set due_at = due_at + interval '1 year'",
    "update invoice set period_to = period_to + interval '1 day'",
    "update invoice set seller = '{}'",
    "update invoice set plan = 'calls/free', status = 'paid'",
    "update invoice set status = 'draft'",
    "update invoice set status = 'draft', number = null, position = null, issued_at = null, due_at = null",
    "delete from invoice",
    "update invoice_line set amount = 0",
    "update invoice_line set invoice_id = invoice_id",
    "delete from invoice_line",
    """insert into invoice_line (invoice_id, position, kind, price, description, meter, measure, quantity, unit,
        included, billed_quantity, per, exact, amount, derivation)
    select id, 99, 'usage', 'x', 'x', 'x', 'total', 1, 'x', 0, 1, 1, 0, 0, '[]' from invoice""",
    "update invoice_share set amount = 0",
    "delete from invoice_share",
    """insert into invoice_share (invoice_id, line_id, member_id, amount)
    select invoice_id, line_id, (select min(id) from member), 0 from invoice_share where member_id is null""",
    "update invoice_member set usage = '{}'",
    "delete from invoice_member",
    """insert into invoice_member (invoice_id, member_id, amount, usage)
    select invoice_id, (select min(id) from member), 0, '{}' from invoice_member where member_id is null""",
    "truncate invoice cascade",
    "truncate invoice_member",
    "update price_version set content = ''",
    "delete from price_version",
    "truncate price_version cascade",
)

EVERYTHING: LiteralString = (
    "select array_agg(t.line order by t.line) from ("
    " select i::text as line from invoice as i union all select l::text from invoice_line as l"
    " union all select s::text from invoice_share as s union all select m::text from invoice_member as m"
    " union all select p::text from price_version as p) as t"
)


async def everything(conn: Connection) -> list[str]:
    """Answer all that was billed, as text."""
    rows = await (await conn.execute(EVERYTHING)).fetchall()
    lines: list[str] = rows[0][0]
    return lines


async def test_a_final_invoice_keeps_all_it_says(house: House) -> None:
    """No column, line, share, member's row or price behind it can be changed, added to or removed."""
    await house.used("tokens.input", "6548")
    await house.billed()
    async with house.pool.connection() as conn:
        before = await everything(conn)
        for change in CHANGES:
            with pytest.raises(psycopg.IntegrityError):
                await conn.execute(change)
        assert await everything(conn) == before


async def test_what_becomes_of_it_may_change(house: House) -> None:
    """Paid and void are news about an invoice, not another invoice."""
    await house.billed()
    async with house.pool.connection() as conn:
        await conn.execute("update invoice set status = 'uncollectible', closed_at = now()")
        await conn.execute("update invoice set status = 'paid', closed_note = 'after all'")
        for change in (
            "update invoice set status = 'void'",
            "update invoice set status = 'open'",
            "update invoice set status = 'uncollectible'",
        ):
            with pytest.raises(psycopg.IntegrityError):
                await conn.execute(change)


DRAFT: LiteralString = """
    insert into invoice (public_id, team_id, subscription_id, reason, period_from, period_to, zone, anchor_day, plan,
        price_version_id, rating_version, currency, total, exact, seller, customer, meters, data_snapshot, created_at)
    select gen_random_uuid(), team_id, subscription_id, reason, period_from - interval '1 year', period_from, zone,
        anchor_day, plan, price_version_id, rating_version, currency, %(total)s, exact, seller, customer, meters,
        data_snapshot, created_at
    from invoice
    returning id
"""
NUMBER: LiteralString = """
    update invoice set status = 'open', position = 2, number = 'HM-000002', issued_at = now(), due_at = now()
    where id = %(id)s
"""


async def test_what_does_not_add_up_never_becomes_final(house: House) -> None:
    """A draft whose lines do not make its total gets no number."""
    await house.billed()
    async with house.pool.connection() as conn:
        wrong = (await (await conn.execute(DRAFT, {"total": 1})).fetchall())[0][0]
        with pytest.raises(psycopg.errors.CheckViolation, match="does not add up"):
            await conn.execute(NUMBER, {"id": wrong})
        await conn.execute("update invoice set total = 0 where id = %(id)s", {"id": wrong})
        await conn.execute(NUMBER, {"id": wrong})


async def test_a_second_subscription_is_refused(house: House) -> None:
    """A team has one, whatever is decided about it."""
    async with house.pool.connection() as conn:
        with pytest.raises(psycopg.errors.UniqueViolation):
            await conn.execute("insert into subscription (team_id) values (%s)", (house.team.id,))


@pytest.mark.parametrize(
    "change",
    [
        "update subscription_change set effective_at = now()",
        "delete from subscription_change",
        "truncate subscription_change",
        "update price_schedule set effective_from = now()",
        "delete from price_schedule",
    ],
)
async def test_what_was_decided_stays(house: House, change: LiteralString) -> None:
    """Decisions and the schedule of prices are logs; a decision may be withdrawn, once."""
    async with house.pool.connection() as conn:
        with pytest.raises(psycopg.errors.RestrictViolation):
            await conn.execute(change)
        withdrawn = "update subscription_change set withdrawn_at = now(), withdrawn_by = 'me'"
        await conn.execute(withdrawn)
        with pytest.raises(psycopg.errors.RestrictViolation):
            await conn.execute(withdrawn)


async def test_the_same_period_and_reason_twice_is_refused(house: House) -> None:
    """The rule that everything rests on is the database's own."""
    await house.billed()
    async with house.pool.connection() as conn:
        with pytest.raises(psycopg.errors.UniqueViolation, match="invoice_once"):
            await conn.execute(
                DRAFT.replace("period_from - interval '1 year', period_from", "period_from, period_to"), {"total": 0}
            )
    assert (OCTOBER.start, OCTOBER.end) == (START, END)


FAULTS: dict[str, LiteralString] = {
    "invoices_add_up": "update invoice_share set amount = amount + 1",
    "invoice_numbers_have_no_gaps": "update invoice set position = position + 1",
    "invoice_periods_do_not_overlap": DRAFT.replace("period_from - interval '1 year'", "period_from").replace(
        "period_from, zone", "period_to - interval '1 day', zone"
    ),
    "subscription_changes_follow_a_start": "update subscription_change"
    " set decision = jsonb_build_object('type', 'cancel')",
}


@pytest.mark.parametrize("name", FAULTS)
async def test_checks_find_what_should_never_be(house: House, name: str) -> None:
    """With the triggers switched off a fault can be planted; the doctor finds it, and nothing but it."""
    await house.used("tokens.input", "6548")
    await house.billed()
    async with house.pool.connection() as conn:
        assert all(finding.holds for finding in await checks.run(conn, NOW))
        await conn.execute("set session_replication_role = replica")
        await conn.execute(FAULTS[name], {"total": 0} if "%(total)s" in FAULTS[name] else None)
        found = [finding.name for finding in await checks.run(conn, NOW) if not finding.holds]
        await conn.execute("reset session_replication_role")
    assert found == [name]

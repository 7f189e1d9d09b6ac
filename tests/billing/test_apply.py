"""Putting a price book in force: what stays, from when it holds, what it may not change, and usage without a price."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from uuid_utils.compat import uuid7

from meter import audit, bill, checks
from meter.audit import Actor
from meter.database import Connection, connect
from meter.errors import Busy, InvalidBody, PlanInUse, PricesInUse, Unpriced
from meter.model import Event
from meter.prices import effect, history, store, unpriced
from meter.prices import schedule as schedules
from meter.prices.apply import Applied
from meter.prices.change import put
from meter.prices.effect import Effect, Reach
from meter.prices.store import SINCE_EVER, Source
from meter.rating.book import load_book, parse_book
from meter.rating.periods import Period
from meter.subscriptions import decisions
from meter.subscriptions.changes import Decided, GiveCoupon, Outcome, SetAddon
from tests.billing.house import END, NOW, OCTOBER, SELLER, START, House, make_team
from tests.contract.place import until_blocked

CREDITS = store.shipped("credits").text
OPERATOR = Actor("system", NOW)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def with_input_at(amount: str, text: str = CREDITS) -> str:
    """Answer the book with another price of 1,000 input tokens by the token."""
    old = 'meter = "tokens.input", unit = "token", unit_amount = "0.015"'
    assert old in text
    return text.replace(old, old.replace("0.015", amount))


def with_network(text: str = CREDITS) -> str:
    """Answer the book with a price of the network by the token plan too."""
    price = 'prices.network = { title = "Network", meter = "network", unit = "GB", unit_amount = "0.10" }\n'
    place = "prices.tokens_output ="
    assert place in text
    return text.replace(place, price + place, 1)


async def applied(conn: Connection, text: str, since: datetime, now: datetime = NOW) -> Applied:
    """Put a book in force."""
    return await put(conn, parse_book(text, "book"), Source(text, {}), since, OPERATOR._replace(at=now))


async def would(conn: Connection, text: str, since: datetime) -> Effect:
    """Answer what a book would change."""
    return await effect.effect(conn, parse_book(text, "book"), since)


async def test_a_version_never_changes(house: House) -> None:
    """Its text and its place on the schedule are there for ever, word for word."""
    text = with_input_at("0.020")
    async with house.pool.connection() as conn:
        await applied(conn, text, END)
        for change in ("update price_version set content = ''", "delete from price_schedule"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                async with conn.transaction():
                    await conn.execute(change.encode())
        books = await store.read(conn)
        assert await history.source_of(conn, books, "credits", END) == Source(text, {})
        assert await history.source_of(conn, books, "credits", START) == Source(CREDITS, {})


async def test_again_changes_nothing(house: House) -> None:
    """Nor does the same with other comments; each change is in the audit log once, with who and what."""
    text = with_input_at("0.020")
    async with house.pool.connection() as conn:
        first = await applied(conn, text, END)
        again = await applied(conn, text, END)
        commented = await applied(conn, "# looked at\n" + text, NOW)
        entries = await history.entries(conn, "credits", None, 10)
        noted = await audit.entries(conn, None, "prices.apply", None, 10)
    assert (first.changed, again, commented) == (True, first._replace(changed=False), first._replace(changed=False))
    assert [(each.since, each.applied_by, each.state(NOW)) for each in entries] == [
        (END, "system", "in_force"),
        (SINCE_EVER, store.PRODUCT, "past"),
    ]
    (entry,) = noted
    assert entry.subject == "price_book:credits"
    assert b'"0.015"' in bytes(entry.after)
    assert b'"0.020"' in bytes(entry.after)


async def test_from_any_instant(house: House) -> None:
    """Off the grid of 15 minutes too: what was used before has the old price, at the instant and after it the new."""
    since = datetime(2026, 10, 7, 9, 7, 3, 141592, tzinfo=UTC)
    for place in (since - timedelta(microseconds=1), since, since + timedelta(hours=1)):
        await house.sent(Event(time=place, meter="tokens.input", quantity=Decimal(1_000_000)))
    async with house.pool.connection() as conn:
        assert not (await would(conn, with_input_at("0.020"), since)).is_on_the_grid
        assert (await applied(conn, with_input_at("0.020"), since)).since == since
    made = await house.invoice()
    assert [(line.quantity, line.amount) for line in made.lines] == [
        (Decimal(1_000_000), Decimal("15.00")),
        (Decimal(2_000_000), Decimal("40.00")),
    ]


async def test_books_are_read_again_where_many_were_parsed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of those parsed before gives way, and what is asked for now is there all the same."""
    monkeypatch.setattr(store, "_MOST_PARSED", 0)
    async with house.pool.connection() as conn:
        for number, since in enumerate((START, END, NOW), 1):
            await applied(conn, with_input_at(f"0.02{number}"), since)
            versions = (await store.read(conn)).versions("credits")
            assert len(versions) == number + 1  # the demo book was there before


async def test_of_two_from_one_instant_the_later_applied_holds(house: House) -> None:
    """So a change that is still to come can be taken back, or be another one."""
    async with house.pool.connection() as conn:
        await applied(conn, with_input_at("0.020"), DECEMBER)
        await applied(conn, with_input_at("0.030"), DECEMBER)
        books = await store.read(conn)
        assert books.plan("credits/payg", DECEMBER).prices[0].unit_amount == Decimal("0.030")
        await applied(conn, CREDITS, DECEMBER)
        books = await store.read(conn)
        assert books.plan("credits/payg", DECEMBER) == books.plan("credits/payg", NOW)
        states = [each.state(NOW) for each in await history.entries(conn, "credits", None, 10)]
    assert states == ["to_come", "replaced", "replaced", "in_force"]


async def test_final_invoices_stay_as_they_are(house: House) -> None:
    """Refused from before their end, by the words with the instant from which it may; drafts of others don't count."""
    await house.used("tokens.input", "1000000")
    await house.billed()
    async with house.pool.connection() as conn:
        for since in (SINCE_EVER, START, END - timedelta(microseconds=1)):
            seen = await would(conn, with_input_at("0.020"), since)
            assert isinstance(seen.refused, PricesInUse)
            with pytest.raises(PricesInUse, match="final invoices of 1 teams bill until 2026-11-01T00:00:00"):
                await applied(conn, with_input_at("0.020"), since)
        assert await history.entries(conn, "credits", None, 10) == [
            each for each in await history.entries(conn, "credits", None, 10) if each.applied_by == store.PRODUCT
        ]
        other = CREDITS.replace('base_fee = "19"', 'base_fee = "29"')  # of a plan that nobody was billed by
        assert (await applied(conn, other, START)).changed
        assert (await applied(conn, with_input_at("0.020", other), END)).changed
    assert (await house.invoice()).total == Decimal("15.00")


async def test_what_is_added_is_owed_for_nothing_that_was_billed(house: House) -> None:
    """A price that is owed without usage, or another coupon or add-on, would be another invoice."""
    extras = '\n[addons.support]\ntitle = "Support"\nbase_fee = "5"\n\n[coupons.tenth]\npercent = 10\n'
    there = CREDITS + extras
    async with house.pool.connection() as conn:
        await applied(conn, there, START - timedelta(days=60))
    await house.used("tokens.input", "1000000")
    await house.billed()
    minimum = with_network(there).replace('unit_amount = "0.10" }', 'unit_amount = "0.10", minimum = "2.00" }')
    fee = with_network(there).replace(
        'unit_amount = "0.10" }', 'model = "graduated", tiers = [{ unit_amount = "0.10", flat = "2.00" }] }'
    )
    async with house.pool.connection() as conn:
        for changed in (
            minimum,
            fee,
            there.replace('base_fee = "5"', 'base_fee = "6"'),
            there.replace("percent = 10", "percent = 20"),
        ):
            assert changed not in {there, with_network(there)}
            with pytest.raises(PricesInUse):
                await applied(conn, changed, START)
        assert (
            await applied(conn, with_network(there) + extras.replace("tenth", "fifth").partition("\n\n")[2], START)
        ).changed


async def test_another_first_version(house: House) -> None:
    """The first holds before its instant too, so that one before it may change invoices of any time."""
    shop = CREDITS.replace('name = "credits"', 'name = "shop"')
    async with house.pool.connection() as conn:
        await applied(conn, shop, NOW)
    other = await make_team(house.pool, house.ingest, "shop/payg")
    await other.used("tokens.input", "1000000")
    await other.billed()
    async with house.pool.connection() as conn:
        for since in (SINCE_EVER, END - timedelta(days=1), NOW - timedelta(days=1)):
            with pytest.raises(PricesInUse, match="until 2026-11-18T12:00:00"):
                await applied(conn, with_input_at("0.030", shop), since)
        assert (await applied(conn, shop.replace('title = "Trial"', 'title = "Try"'), START)).changed
        assert (await applied(conn, with_input_at("0.030", shop), NOW)).changed


async def test_between_two_versions(house: House) -> None:
    """What holds until the second takes over is not compared with what was billed by the second."""
    await house.used("tokens.input", "1000000")
    async with house.pool.connection() as conn:
        await applied(conn, with_input_at("0.020", with_network()), END)
    await house.billed()
    await house.billed(Period(END, END + timedelta(days=10), "UTC"))
    async with house.pool.connection() as conn:
        assert (await applied(conn, with_network(), START)).changed
        with pytest.raises(PricesInUse, match="2026-11-11"):
            await applied(conn, with_network(), END)


async def test_what_a_team_has_stays_in_its_book(house: House) -> None:
    """A plan, an add-on, a coupon; one that nobody has may go, and so may the plan once its team is elsewhere."""
    extras = (
        '\n[addons.backup]\ntitle = "Backup"\nbase_fee = "3.00"\n[coupons.half]\npercent = "50"\nduration = "forever"\n'
    )
    full = CREDITS + extras
    begin, end = CREDITS.index("[plans.starter]"), CREDITS.index("[plans.professional]")
    without = CREDITS[:begin] + CREDITS[end:]
    without = without.replace('then = "starter"', 'then = "professional"')
    async with house.pool.connection() as conn:
        await applied(conn, full, START)
        decided = (Decided(NOW, SetAddon("backup", 1)), Decided(NOW, GiveCoupon("credits/half")))
        async with conn.transaction():
            await decisions.keep(conn, house.team, Outcome(decided), "tests", NOW)
        with pytest.raises(PlanInUse, match="add-on backup, coupon half: 1 teams"):
            await applied(conn, CREDITS, NOW)
        assert (await would(conn, CREDITS, NOW)).reaches == (
            Reach("add-on", "credits/backup", "gone", 1),
            Reach("coupon", "credits/half", "gone", 1),
        )
    other = await make_team(house.pool, house.ingest, "credits/starter")
    async with house.pool.connection() as conn:
        with pytest.raises(PlanInUse, match="plan starter: 1 teams"):
            await applied(conn, without + extras, NOW)
    await other.put_on("credits/payg", NOW + timedelta(hours=1))
    async with house.pool.connection() as conn:
        with pytest.raises(PlanInUse, match="plan starter"):
            await applied(conn, without + extras, NOW)
        assert (await applied(conn, without + extras, NOW + timedelta(hours=1))).changed


async def test_taxes_of_a_place_are_refused(house: House) -> None:
    """Nobody says where a team is taxed, so such a rate would be for nobody."""
    placed = '\n[taxes]\nrates = [{ name = "VAT", percent = 19, country = "DE" }]\n'
    for_all = '\n[taxes]\nrates = [{ name = "VAT", percent = 19 }]\n'
    async with house.pool.connection() as conn:
        with pytest.raises(InvalidBody, match="VAT is for DE"):
            await applied(conn, CREDITS + placed, NOW)
        assert (await applied(conn, CREDITS + for_all, NOW)).changed


async def test_a_demo_book_is_kept_by_its_first_use(
    house: House, any_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another release that ships another text changes nothing for who used it, and is there for who did not."""
    del any_database
    changed = {name: store.shipped(name).text.replace('"0.05"', '"0.06"') for name in ("cloud",)}
    changed["credits"] = with_input_at("0.999")

    def newer(name: str) -> object:
        return parse_book(changed[name], f"{name}.toml") if name in changed else load_book(name)

    async with house.pool.connection() as conn:
        before = await store.read(conn)
        monkeypatch.setattr(store, "load_book", newer)
        after = await store.read(conn)
    assert after.plan("credits/payg", NOW) == before.plan("credits/payg", NOW)
    assert after.plan("calls/pro", NOW) == before.plan("calls/pro", NOW)
    assert after.plan("cloud/payg", NOW) != before.plan("cloud/payg", NOW)


async def test_applied_while_a_bill_is_being_made(house: House, any_database: str) -> None:
    """The bill was priced before and is written after: it is made anew, by what holds then."""
    await house.used("tokens.input", "1000000")
    async with await connect(any_database, autocommit=True) as one, await connect(any_database, autocommit=True) as two:
        prepared = await bill.prepare(two, house.team, OCTOBER, NOW)
        async with one.transaction():
            await applied(one, with_input_at("0.020"), START)
            concluding = asyncio.create_task(bill.conclude(two, prepared, SELLER, NOW))
            async with house.pool.connection() as watcher:
                await until_blocked(watcher, two)
        with pytest.raises(Busy):
            await concluding
    assert (await house.invoice()).total == Decimal("20.00")


async def test_billed_while_a_book_is_being_applied(house: House, any_database: str) -> None:
    """The bill comes first: the book waits for it, and is refused."""
    await house.used("tokens.input", "1000000")
    async with await connect(any_database, autocommit=True) as one, await connect(any_database, autocommit=True) as two:
        prepared = await bill.prepare(one, house.team, OCTOBER, NOW)
        async with one.transaction():
            await bill.conclude(one, prepared, SELLER, NOW)
            applying = asyncio.create_task(applied(two, with_input_at("0.020"), START))
            async with house.pool.connection() as watcher:
                await until_blocked(watcher, two)
        with pytest.raises(PricesInUse):
            await applying
    assert (await house.invoice()).total == Decimal("15.00")


async def test_whom_a_book_reaches(house: House) -> None:
    """What is written otherwise, on which plans teams are, until the next version; agreed prices reach their team."""
    await make_team(house.pool, house.ingest, "credits/payg")
    await make_team(house.pool, house.ingest, "credits/starter")
    override = f'\n[[overrides]]\nteam = "{house.team.public_id}"\nplan = "payg"\nprices.tts.unit_amount = "0.01"\n'
    async with house.pool.connection() as conn:
        await applied(conn, with_input_at("0.030"), DECEMBER)
        seen = await would(conn, with_input_at("0.020"), NOW)
        agreed = await would(conn, CREDITS + override, NOW)
        new = await would(conn, CREDITS.replace('name = "credits"', 'name = "other"'), NOW)
        same = await would(conn, CREDITS, NOW)
    path = "plans.payg.prices.tokens_input.unit_amount"
    assert [(each.path, each.old, each.new) for each in seen.differences] == [(path, "0.015", "0.020")]
    assert (seen.since, seen.until, seen.refused) == (NOW, DECEMBER, None)
    assert seen.reaches == (Reach("plan", "credits/payg", "changed", 2),)
    assert agreed.reaches == (Reach("plan", "credits/payg", "changed", 1),)
    assert (new.old_version, {each.how for each in new.reaches}) == (None, {"new"})
    assert (same.changes, same.differences, same.reaches) == (False, (), ())


def facts(found: Iterable[unpriced.Found]) -> list[tuple[str, Decimal, datetime]]:
    """Answer which meter, how much of it, and in which period."""
    return [(each.meter, each.quantity, each.start) for each in found]


async def test_usage_without_a_price_is_found_and_priced_afterwards(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Found and logged once, no invoice; a price from the first of that month, and the invoice has it."""
    await house.used("network", "30")
    await house.used("tokens.input", "1000000")
    billed = await make_team(house.pool, house.ingest, "credits/payg")
    await billed.used("tokens.input", "2000000")
    await billed.billed()
    async with house.pool.connection() as conn:
        assert facts(await unpriced.of_team(conn, house.team, NOW)) == [("network", Decimal(30), START)]
        assert await unpriced.of_team(conn, billed.team, NOW) == []
        with caplog.at_level(logging.WARNING, "meter.prices.unpriced"):
            assert await unpriced.turn(conn, NOW) is not None
            assert await unpriced.turn(conn, NOW) is not None
        assert [record.getMessage() for record in caplog.records] == [
            f"no price for network, which team {house.team.public_id} uses on credits/payg"
        ]
        (kept,) = [each for each in await checks.last(conn) if each.name == unpriced.NAME]
        assert (kept.holds, [(row["meter"], row["quantity"]) for row in kept.rows]) == (False, [("network", "30")])
        await checks.keep(conn, [checks.Finding("another", "Another.", [])], NOW)
        assert {each.name for each in await checks.last(conn)} == {"another", unpriced.NAME}
    with pytest.raises(Unpriced, match="no price for network"):
        await house.billed()
    async with house.pool.connection() as conn:
        seen = await would(conn, with_network(), START)
        assert seen.refused is None
        assert (await applied(conn, with_network(), START)).changed
        assert await unpriced.of_team(conn, house.team, NOW) == []
        assert await unpriced.turn(conn, NOW) is None
        (kept,) = [each for each in await checks.last(conn) if each.name == unpriced.NAME]
        assert (kept.holds, kept.rows) == (True, [])
    made = await house.invoice()
    assert {line.price: line.amount for line in made.lines} == {
        "tokens_input": Decimal("15.00"),
        "network": Decimal("3.00"),
    }
    assert (await billed.invoice()).total == Decimal("30.00")


async def test_only_what_billing_would_refuse_is_unpriced(house: House) -> None:
    """Not what is left unbilled, is of an internal key, was used long ago, or in a period that is another plan's."""
    await house.used("response_time", "3")
    await (await house.internal()).used("network", "30")
    await house.sent(Event(time=START - timedelta(days=1), meter="network", quantity=Decimal(1)))
    async with house.pool.connection() as conn:
        assert await unpriced.of_team(conn, house.team, NOW) == []
        assert await unpriced.of_all(conn, NOW) == []
    await house.sent(Event(time=END, meter="network", quantity=Decimal("0.5")))
    async with house.pool.connection() as conn:
        assert facts(await unpriced.of_all(conn, NOW)) == [("network", Decimal("0.5"), END)]
        with pytest.raises(Unpriced):
            bill.check_priced((await bill.price(conn, house.team, Period(END, DECEMBER, "UTC"))).rated)


async def test_labels_without_a_cell_are_unpriced(house: House) -> None:
    """A price that goes by a label has none for a label it does not name."""
    matrix = """
name = "models"
title = "Models"
currency = "USD"
[plans.base]
title = "Base"
[plans.base.prices.input]
title = "Input"
meter = "tokens.input"
unit = "token"
model = "matrix"
rates = [{ when = { model = "small" }, unit_amount = "0.01" }]
"""
    async with house.pool.connection() as conn:
        await applied(conn, matrix, SINCE_EVER)
    other = await make_team(house.pool, house.ingest, "models/base")
    for model, quantity in (("small", 5), ("large", 7)):
        await other.sent(
            Event(
                id=str(uuid7()),
                time=START,
                meter="tokens.input",
                quantity=Decimal(quantity),
                dimensions={"model": model},
            )
        )
    async with house.pool.connection() as conn:
        assert facts(await unpriced.of_all(conn, NOW)) == [("tokens.input", Decimal(7), START)]


def test_the_first_row_of_what_is_new() -> None:
    """By team and meter: other periods of the same are no news."""
    rows: list[dict[str, object]] = [
        {"team": team, "meter": meter, "from": start} for team in "ab" for meter in "mn" for start in (1, 2)
    ]
    assert unpriced.news(rows, rows[:3]) == [rows[4], rows[6]]


def test_a_schedule_says_which_book_holds() -> None:
    """Before the first instant, between two, at one, and after the last."""
    books = [parse_book(with_input_at(amount), "book") for amount in ("1", "2", "3")]
    instants = [START, END, END]
    rows = [("credits", at, number, book) for number, (at, book) in enumerate(zip(instants, books, strict=True))]
    known = schedules.Schedule(schedules.schedule_of(rows))
    found = [known.in_force("credits", at) for at in (SINCE_EVER, START, END - timedelta(seconds=1), END, NOW)]
    assert [each and each.version_id for each in found] == [0, 0, 0, 2, 2]

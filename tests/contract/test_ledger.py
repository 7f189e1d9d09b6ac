"""The ledger in the database: never changed, once for each fact, right with several writers at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from meter.database import Connection
from meter.errors import CreditsRefused, InvalidBody, NotFound
from meter.ledger import accounts, acts, expire, history, spending
from meter.ledger.accounts import Terms
from meter.ledger.acts import Deposit, Made, Said
from meter.ledger.history import Wanted
from meter.ledger.store import LOCKING, find, locking, look, read
from meter.ledger.wallet import Short
from sql import statement
from tests.contract.booking import House, housed
from tests.contract.place import NOW, Place, ask, make_team

DAY = timedelta(days=1)
D = Decimal


def bought(amount: object, **more: object) -> Deposit:
    """Answer a purchase of so much."""
    return Deposit("credit_purchase", D(str(amount)), D(str(amount)))._replace(**more)  # type: ignore[arg-type]


async def booked(house: House, **wanted: object) -> list[history.Transaction]:
    """List what was booked, the last first."""
    return await history.transactions(house.conn, house.account.id, Wanted(**wanted), 1_000)  # type: ignore[arg-type]


async def act(house: House, made: Callable[[Connection], Awaitable[Made]]) -> Made:
    """Do something in a transaction."""
    async with house.conn.transaction():
        return await made(house.conn)


@pytest.mark.parametrize("table", ["ledger_transactions", "postings", "facts", "grants"])
async def test_nothing_of_the_ledger_can_be_changed(place: Place, table: str) -> None:
    """Not by us either: no update, no delete; a grant may only be voided, once."""
    async with housed(place) as house:
        await house.put_in(bought(20))
        await house.use("tokens", D(15), NOW, "use:1")
        for change in ("change", "delete"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                await ask(house.conn, f"{change}_{table}")
        assert await house.broken() == []


async def test_every_transaction_comes_to_nothing_to_the_last_digit(place: Place) -> None:
    """Postings keep full precision; the balance is their sum, also before and after each."""
    amount = D("0.1030800000000000000000000000000000000001")
    async with housed(place) as house:
        await house.put_in(bought("10000000000000000000000.00000000000001"), NOW - DAY)
        for n in range(3):
            await house.use("tokens", amount, NOW + n * timedelta(minutes=1), f"use:{n}")
        wallet = await house.wallet()
        assert str(wallet.balance) == "9999999999999999999999.6907600000000099999999999999999999999997"
        at_first = await history.balance_at(house.conn, house.account.id, NOW)
        assert str(at_first) == "9999999999999999999999.8969200000000099999999999999999999999999"
        assert str(wallet.spent) == "0.3092400000000000000000000000000000000003"
        assert await house.broken() == []


async def test_a_planted_error_is_found(place: Place) -> None:
    """Each check of the ledger notices what it is there for."""
    async with housed(place) as house:
        await house.put_in(bought(20))
        await ask(house.conn, "spoil_ledger", {"account_id": house.account.id})
        assert await house.broken() == ["accounts_stand_as_posted", "grants_stand_as_posted"]


async def test_writers_at_once_never_reserve_more_than_there_is(place: Place) -> None:
    """Eight at a time, on two accounts in either order: every credit goes to one of them."""
    async with housed(place) as one, housed(place) as other:
        for house in (one, other):
            await house.put_in(bought(10))

        async def ask_for(number: int) -> int:
            async with place.pool.connection() as conn:
                pair = (one, other) if number % 2 else (other, one)
                got = [await house._replace(conn=conn).hold("tokens", D(1), NOW) for house in pair]
            return sum(not isinstance(each, Short) for each in got)

        granted = await asyncio.gather(*(ask_for(n) for n in range(24)))
        assert sum(granted) == 20
        assert {(await house.wallet()).reserved for house in (one, other)} == {D(10)}
        assert await one.broken() == []


async def test_the_same_fact_is_booked_once_by_two_at_once(place: Place) -> None:
    """One of them hears what the other did; another amount under the same source is refused."""
    async with housed(place) as house:

        async def pay() -> Made:
            async with place.pool.connection() as conn:
                return await house._replace(conn=conn).put_in(bought(10), said=Said(source="payment:1"))

        made = await asyncio.gather(*(pay() for _ in range(4)))
        assert Counter(each.again for each in made) == {True: 3, False: 1}
        assert len({each.transaction.public_id for each in made}) == 1
        assert (await house.wallet()).balance == 10
        with pytest.raises(CreditsRefused) as refused:
            await house.put_in(bought(11), said=Said(source="payment:1"))
        assert refused.value.members["reason"] == "source_used"


async def test_a_transaction_is_reversed_once_by_two_at_once(place: Place) -> None:
    """The mirror of the use: each grant has back what was taken of it, and the other caller is refused."""
    async with housed(place) as house:
        await house.put_in(bought(3, priority=1))
        await house.put_in(bought(4))
        before = await house.wallet()
        await house.use("tokens", D(9), NOW, "use:1")
        [use] = await booked(house, kinds=("usage_deduction",))

        async def reverse() -> UUID | str:
            async with place.pool.connection() as conn, conn.transaction():
                try:
                    made = await acts.reverse(conn, house.team, house.account, use.public_id, Said(), house.actor())
                except CreditsRefused as error:
                    return str(error.members["reason"])
                return made.transaction.public_id

        done = await asyncio.gather(*(reverse() for _ in range(4)))
        assert sorted(map(str, done))[-3:] == ["reversed"] * 3
        assert (await house.wallet())._replace(told=before.told) == before
        [use] = await booked(house, kinds=("usage_deduction",))
        assert use.reversed_by in done
        assert await house.broken() == []


async def test_the_parts_of_a_refund_add_up_to_what_was_paid(place: Place) -> None:
    """10,000 credits for 99.99, a third used: the money of each part is rounded, and their sum is too."""
    async with housed(place, Terms("credits", D("0.01"))) as house:
        buy = await house.put_in(Deposit("credit_purchase", D(9_999), D("100.01")))
        await house.use("tokens", D(3_333), NOW, "use:1")
        money = []
        for amount in (D(1), D(2_222), None):
            made = await act(
                house,
                lambda conn, amount=amount: acts.refund(  # type: ignore[misc]
                    conn, house.team, house.account, buy.transaction.public_id, amount, Said(), house.actor()
                ),
            )
            money.append(D(made.transaction.metadata["money"]))
        assert money == [D("0.01"), D("22.22"), D("44.44")]
        assert (await house.wallet()).balance == 0
        with pytest.raises(CreditsRefused) as refused:
            await act(
                house,
                lambda conn: acts.refund(
                    conn, house.team, house.account, buy.transaction.public_id, None, Said(), house.actor()
                ),
            )
        assert refused.value.members["reason"] == "not_left"


async def test_a_use_that_was_paid_meanwhile_is_reversed_all_the_same(place: Place) -> None:
    """What was owed and paid since stays there as credit for that meter."""
    async with housed(place) as house:
        await house.use("tokens", D(5), NOW, "use:1")
        await house.put_in(bought(20))
        assert (await house.wallet()).lots[0].left == 15
        [use] = await booked(house, kinds=("usage_deduction",))
        await act(
            house,
            lambda conn: acts.reverse(conn, house.team, house.account, use.public_id, Said(), house.actor()),
        )
        wallet = await house.wallet()
        assert (str(wallet.balance), str(wallet.spent), dict(wallet.owed)) == ("20", "0", {"tokens": D(-5)})
        assert (await house.use("tokens", D(18), NOW, "use:2")).balance == 2
        assert await house.broken() == []


async def test_what_ends_is_taken_at_its_instant_and_what_is_reserved_of_it_later(place: Place) -> None:
    """The job takes what nobody has reserved; once the reservation is gone, the rest."""
    async with housed(place) as house:
        await house.put_in(bought(10, expires_at=NOW + DAY))
        held = await house.hold("tokens", D(4), NOW)
        assert not isinstance(held, Short)
        assert await expire.turn(house.conn, NOW + DAY - timedelta(microseconds=1)) == (0, 0)
        assert await expire.turn(house.conn, NOW + DAY + timedelta(minutes=1)) == (1, 0)
        [ended] = await booked(house, kinds=("expiry",))
        assert (ended.at, str(ended.amount)) == (NOW + DAY, "-6")
        await house.settle(held, "tokens", D(1), NOW + 2 * DAY, "use:1")
        assert await expire.turn(house.conn, NOW + 2 * DAY) == (1, 0)
        assert await expire.turn(house.conn, NOW + 3 * DAY) == (0, 0)
        assert (await house.wallet()).balance == 0
        assert await house.broken() == []


async def test_facts_are_kept_once_per_crossing(place: Place) -> None:
    """Down below ten, down to nothing; up again and down again."""
    async with housed(place, Terms("USD", recharge_below=D(5), recharge_amount=D(50))) as house:
        assert await told(house) == ["recharge_due"]
        await house.put_in(bought(20))
        for n, amount in enumerate((8, 4, 4, 2, 2, 3)):
            await house.use("tokens", D(amount), NOW, f"use:{n}")
        assert await told(house) == ["recharge_due", "low_balance", "recharge_due", "exhausted"]
        await house.put_in(bought(30))
        await house.use("tokens", D(24), NOW, "use:7")
        assert (await told(house))[4:] == ["low_balance", "recharge_due"]


async def told(house: House) -> list[str]:
    """List the facts of an account, the first first."""
    return [kind for (kind,) in await ask(house.conn, "list_account_facts", {"account_id": house.account.id})]


async def test_wallets_are_read_in_one_pipeline(place: Place) -> None:
    """Locked, read and written without waiting for an answer in between."""
    async with housed(place) as house:
        await house.put_in(bought(10))
        async with house.conn.transaction(), house.conn.pipeline():
            cursors = [await house.conn.execute(statement(n), locking([house.account.id])) for n in LOCKING]
            rows = [await cursor.fetchall() for cursor in cursors]
        assert read(*rows) == {house.account.id: await house.wallet()}
        assert await look(house.conn, house.account.id) == await house.wallet()


async def test_terms_are_changed_but_never_the_unit_of_what_is_booked(place: Place) -> None:
    """And no price without an exact reciprocal; another team's things are not there."""
    async with housed(place) as house:
        await house.put_in(bought(10))
        async with house.conn.transaction():
            changed = await accounts.put(
                house.conn, house.team, None, Terms("USD", floor=D(5), low_balance=None), house.actor()
            )
        assert (str(changed.floor), changed.low_balance, changed.version) == ("5", None, 2)
        with pytest.raises(CreditsRefused):
            await accounts.put(house.conn, house.team, None, Terms("credits", D("0.01")), house.actor())
        with pytest.raises(InvalidBody):
            accounts.checked(Terms("credits", D("0.03")))
        stranger, _ = await make_team(house.conn)
        assert await find(house.conn, stranger.id) == {}
        [buy] = await booked(house)
        with pytest.raises(NotFound):
            await accounts.id_with(house.conn, stranger, buy.public_id)


async def test_a_key_may_have_an_account_of_its_own(place: Place) -> None:
    """Beside the team's; each with its own credits."""
    async with housed(place) as house:
        other, caller = await make_team(house.conn)
        async with house.conn.transaction():
            own = await accounts.opened(house.conn, other, caller.key_id, house.actor())
            teams = await accounts.opened(house.conn, other, None, house.actor())
            again = await accounts.opened(house.conn, other, None, house.actor())
        assert own.id != teams.id == again.id
        assert await accounts.account_of(house.conn, other, caller.key_public_id) == own
        assert await accounts.account_of(house.conn, other, None) == teams


async def test_what_usage_took_is_told_by_service_and_less_what_was_reversed(place: Place) -> None:
    """By the names that come along, the most first."""
    async with housed(place) as house:
        await house.put_in(bought(100))
        for n, (service, amount) in enumerate([("api", 3), ("api", 4), ("batch", 5), (None, 1)]):
            said = {"service": service, "member": "ann"} if service else {}
            await house.use("tokens", D(amount), NOW, f"use:{n}", said)
        last = (await booked(house, source="use:2"))[0]
        await act(
            house, lambda conn: acts.reverse(conn, house.team, house.account, last.public_id, Said(), house.actor())
        )
        rows = await spending.spending(house.conn, house.account.id, NOW, NOW + DAY)
        by_service = spending.together(rows, lambda row: row.service)
        assert [(row.service, str(row.spent), row.deductions) for row in by_service] == [
            ("api", "7", 2),
            (None, "1", 1),
            ("batch", "0", 1),
        ]
        by_kind = {
            each.kind: str(each.amount) for each in await spending.booked(house.conn, house.account.id, NOW, NOW + DAY)
        }
        assert by_kind == {"credit_purchase": "100", "usage_deduction": "-13", "reversal": "5"}

"""Which credits pay what of an invoice: nothing is lost or made, in whichever unit, whatever is reserved or owed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from meter.invoicing.booking import Named, paid, rounded
from meter.invoicing.charged import Charge, Charged
from meter.invoicing.cover import Owed, cover, sources
from meter.ledger.wallet import Lot, Wallet, in_money, owed, taken
from meter.rating.money import exact
from tests.billing.house import END, NOW, START

NAMED = Named(UUID(int=7), "HM-000007")
CENT = Decimal("0.01")
METERS = ("stt", "tts")
PRICES = (None, Decimal("0.01"), Decimal("0.0001"), Decimal("0.5"), Decimal(4))

cents = st.integers(-20_000, 50_000).map(lambda many: many * CENT)
fine = st.decimals(0, 300, places=6, allow_nan=False, allow_infinity=False)
lines = st.lists(st.builds(Owed, cents, st.sampled_from(("", *METERS))), max_size=5)


@st.composite
def wallets(draw: st.DrawFn) -> Wallet:
    """Make a wallet whose balance is what its lots have less what is owed."""
    lots = tuple(
        Lot(
            id=number,
            priority=draw(st.integers(1, 3)),
            effective_at=NOW + timedelta(days=draw(st.sampled_from((-9, -1, 2)))),
            expires_at=draw(st.sampled_from((None, NOW - timedelta(hours=1), NOW + timedelta(days=1)))),
            meters=frozenset(draw(st.sampled_from(((), ("tts",), METERS)))),
            left=left,
            reserved=min(left, draw(fine)) if draw(st.booleans()) else Decimal(0),
        )
        for number, left in enumerate(draw(st.lists(fine, max_size=4)))
    )
    debts = {
        meter: draw(fine) * draw(st.sampled_from((-1, 1))) for meter in draw(st.sets(st.sampled_from(("", "tts"))))
    }
    wallet = Wallet(
        account_id=1,
        unit="USD",
        credit_price=draw(st.sampled_from(PRICES)),
        floor=Decimal(0),
        reserved=sum((lot.reserved for lot in lots), Decimal(0)),
        owed=MappingProxyType({meter: amount for meter, amount in debts.items() if amount}),
        lots=lots,
    )
    return wallet._replace(balance=sum((lot.left for lot in lots), Decimal(0)) - owed(wallet))


@exact()
def stands(wallet: Wallet) -> bool:
    """Tell whether the balance is what its lots have less what is owed."""
    return wallet.balance == sum((lot.left for lot in wallet.lots), Decimal(0)) - owed(wallet)


@given(wallets(), lines)
@exact()
def test_what_is_paid_leaves_the_wallet(wallet: Wallet, owing: list[Owed]) -> None:
    """The wallet has so much less as was paid; never more than is owed is, and nothing reserved is touched."""
    total = sum((each.amount for each in owing), Decimal(0))
    found = cover(wallet, owing, "USD", NOW)
    assert Decimal(0) <= found.money <= max(total, Decimal(0))
    assert found.money % CENT == 0
    assert in_money(wallet, taken(found.burns)) == found.money
    assert found.wallet.balance == wallet.balance - taken(found.burns)
    assert stands(found.wallet)
    assert all(lot.left >= lot.reserved for lot in found.wallet.lots)
    for before, after in zip(wallet.lots, found.wallet.lots, strict=True):
        assert after.left <= before.left


@given(wallets(), lines)
@exact()
def test_credits_pay_as_far_as_they_go(wallet: Wallet, owing: list[Owed]) -> None:
    """Where credits for every line are left that come to a cent, nothing is left to pay."""
    total = sum((each.amount for each in owing), Decimal(0))
    found = cover(wallet, owing, "USD", NOW)
    left = sum((each.amount for each in sources(found.wallet, NOW) if not each.meters), Decimal(0))
    if found.burns and left >= CENT:
        assert found.money == max(total, Decimal(0))


@given(wallets(), lines)
def test_credits_for_meters_pay_those_alone(wallet: Wallet, owing: list[Owed]) -> None:
    """A lot for speech pays no more than the lines of speech come to."""
    only = wallet._replace(lots=tuple(lot._replace(meters=frozenset({"tts"})) for lot in wallet.lots), owed={})
    only = only._replace(balance=sum((lot.left for lot in only.lots), Decimal(0)))
    found = cover(only, owing, "USD", NOW)
    assert found.money <= sum((max(each.amount, Decimal(0)) for each in owing if each.meter == "tts"), Decimal(0))


@given(wallets(), cents, st.lists(fine, min_size=1, max_size=3))
@exact()
def test_billed_is_charged(wallet: Wallet, billed: Decimal, before: list[Decimal]) -> None:
    """What was charged before and what is taken now come to what is billed, to the last digit."""
    charges = tuple(Charge(f"a/b/{number}", START, END, amount) for number, amount in enumerate(before))
    rest = billed - sum(before, Decimal(0))
    used = Charged(frozenset({0}), billed, charges, {"tts": rest} if rest else {})
    found = rounded(wallet, used, NAMED, NOW)
    now = Decimal(0) if found.entry is None else -found.entry.amount
    assert sum(before, Decimal(0)) + in_money(wallet, now) == billed
    assert found.wallet.spent == wallet.spent
    assert found.wallet.balance == wallet.balance - now
    assert stands(found.wallet)
    assert found.amount == billed


@given(wallets(), lines)
@exact()
def test_one_transaction_says_it(wallet: Wallet, owing: list[Owed]) -> None:
    """Its amount is what the burns come to, named by the invoice; without burns there is none."""
    found = paid(wallet, owing, "USD", NAMED, NOW)
    if found.entry is None:
        assert found == (wallet, None, Decimal(0))
        return
    assert found.entry.source == f"invoice/{NAMED.public_id}"
    assert in_money(wallet, -found.entry.amount) == found.amount
    assert found.wallet.spent - wallet.spent == -found.entry.amount


def test_the_first_to_end_pays_first() -> None:
    """By hand: 30 that end tomorrow, then 50 of the 80 that do not, for 80.00; at a price of 0.0001 a credit."""
    soon = Lot(1, 100, NOW - timedelta(days=1), NOW + timedelta(days=1), frozenset(), Decimal(300_000))
    later = Lot(2, 100, NOW - timedelta(days=2), None, frozenset(), Decimal(800_000))
    wallet = Wallet(1, "credits", Decimal("0.0001"), Decimal(0), Decimal(1_100_000), lots=(later, soon))
    found = cover(wallet, [Owed(Decimal("80.00"))], "USD", datetime(2026, 11, 18, 12, tzinfo=UTC))
    assert [(burn.lot_id, burn.amount) for burn in found.burns] == [(1, Decimal(300_000)), (2, Decimal(500_000))]
    assert (found.money, found.wallet.balance) == (Decimal(80), Decimal(300_000))


def test_part_of_a_cent_stays() -> None:
    """Of 1.239 a bill of 5.00 has 1.23: nobody can pay the rest of a cent."""
    lot = Lot(1, 100, NOW - timedelta(days=1), None, frozenset(), Decimal("1.239"))
    wallet = Wallet(1, "USD", None, Decimal(0), Decimal("1.239"), lots=(lot,))
    found = cover(wallet, [Owed(Decimal("5.00"))], "USD", NOW)
    assert (found.money, found.wallet.balance) == (Decimal("1.23"), Decimal("0.009"))

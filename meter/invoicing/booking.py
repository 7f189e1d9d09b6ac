"""What does the ledger book for an invoice that becomes final? A wallet and what is owed in, entries out. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from meter.invoicing.charged import Charged
from meter.invoicing.cover import Owed, cover
from meter.invoicing.promotional import Promotion
from meter.ledger.store import Entry, Side
from meter.ledger.wallet import Burn, Wallet, deduct, in_money, in_unit, take, taken
from meter.rating.money import exact


class Named(NamedTuple):
    """An invoice by its public id and number, and by what the ledger knows what is booked for it."""

    public_id: UUID
    number: str

    @property
    def source(self) -> str:
        """What its balance paid."""
        return f"invoice/{self.public_id}"

    @property
    def promotions(self) -> str:
        """What came off grants before tax."""
        return f"{self.source}/promotions"

    def given_back(self, number: int) -> str:
        """What grants have back by the adjustment of that number."""
        return f"{self.promotions}/{number}"

    @property
    def rounding(self) -> str:
        """The rest of what was charged as it was used."""
        return f"{self.source}/rounding"

    @property
    def carried(self) -> str:
        """What it was below zero."""
        return f"{self.source}/carried"

    def sources(self, adjustments: int = 0) -> list[str]:
        """All there may be, with so many adjustments of it."""
        again = [self.given_back(number) for number in range(1, adjustments + 1)]
        return [self.source, self.promotions, self.rounding, self.carried, *again]

    @property
    def metadata(self) -> dict[str, Any]:
        """What a transaction says of it."""
        return {"invoice": str(self.public_id), "number": self.number}


class Booking(NamedTuple):
    """A wallet after an entry (None: nothing is booked), and how much money of the invoice that settles."""

    wallet: Wallet
    entry: Entry | None
    amount: Decimal


@exact()
def promoted(
    wallet: Wallet, promotions: Iterable[Promotion], invoice: Named, at: datetime, source: str | None = None
) -> Booking:
    """Takes of grants what comes off an invoice before tax, and gives back to them what is below zero.

    It settles nothing: what is to be paid is less by it already. What is owed is not paid here, so that the entry says
    what grants gave and nothing else; they were offered less what that needs.
    """
    amounts: defaultdict[int, Decimal] = defaultdict(Decimal)
    for each in promotions:
        amounts[each.lot] += each.amount
    burns = tuple(Burn(lot, in_unit(wallet, amount)) for lot, amount in amounts.items() if amount)
    if not burns:
        return Booking(wallet, None, Decimal(0))
    money = sum(amounts.values(), Decimal(0))
    told = invoice.metadata | {"money": f"{money:f}", "promotional": True}
    said = f"Promotional credit{' given back' if money < 0 else ''}, invoice {invoice.number}"
    entry = _entry(wallet, burns, (source or invoice.promotions, said, told), at)
    after = take(wallet, burns)
    return Booking(after._replace(spent=wallet.spent + taken(burns)), entry, money)


@exact()
def undone(wallet: Wallet, back: Mapping[int, Decimal], invoice: Named, at: datetime) -> Booking:
    """Gives grants back what a void invoice holds of them alone (`back`, money by lot); below zero it is taken again.

    Of a grant no more is taken than is there.
    """
    free = {lot.id: lot.left - lot.reserved for lot in wallet.lots}
    amounts = {lot: min(-in_unit(wallet, money), free.get(lot, Decimal(0))) for lot, money in back.items()}
    burns = tuple(Burn(lot, amount) for lot, amount in amounts.items() if amount)
    told = (f"{invoice.promotions}/void", "The invoice is void", {"invoice": str(invoice.public_id)})
    after = take(wallet, burns)._replace(spent=wallet.spent + taken(burns))
    return Booking(after, _entry(wallet, burns, told, at), in_money(wallet, taken(burns)))


@exact()
def rounded(wallet: Wallet, used: Charged, invoice: Named, at: datetime) -> Booking:
    """Takes or gives what usage charged as it happened lacks to what is billed of it, meter by meter.

    It settles all that is billed. It is no usage: what usage took is what it was.
    """
    burns: tuple[Burn, ...] = ()
    after = wallet
    for meter, money in sorted(used.rest.items()):
        after, parts = deduct(after, meter, in_unit(wallet, money), at)
        burns += parts
    if not burns and not used.billed:
        return Booking(wallet, None, used.billed)
    charged = sum((each.amount for each in used.charges), used.billed * 0)
    told = invoice.metadata | {"billed": f"{used.billed:f}", "charged": f"{charged:f}"}
    said = f"Rounding, taxes and discounts of invoice {invoice.number}"
    entry = _entry(wallet, burns, (invoice.rounding, said, told), at, "rounding")
    return Booking(after._replace(spent=wallet.spent), entry, used.billed)


@exact()
def paid(
    wallet: Wallet,
    lines: Sequence[Owed],
    currency: str,
    invoice: Named,
    at: datetime,
    but: Collection[int] = frozenset(),
) -> Booking:
    """Pays lines of an invoice, as far as the wallet goes without the lots in `but`."""
    found = cover(wallet, lines, currency, at, but)
    if not found.burns:
        return Booking(wallet, None, found.money)
    told = invoice.metadata | {"money": f"{found.money:f}"}
    entry = _entry(wallet, found.burns, (invoice.source, f"Invoice {invoice.number}", told), at)
    return Booking(found.wallet._replace(spent=wallet.spent + taken(found.burns)), entry, found.money)


def _entry(
    wallet: Wallet,
    burns: tuple[Burn, ...],
    told: tuple[str, str, Mapping[str, Any]],
    at: datetime,
    side: Side | None = None,
) -> Entry:
    source, description, metadata = told
    return Entry(
        account_id=wallet.account_id,
        kind="usage_deduction",
        meter=None,
        amount=-taken(burns),
        burns=burns,
        at=at,
        description=description,
        metadata=metadata,
        source=source,
        side=side,
        public_id=uuid7(),
    )

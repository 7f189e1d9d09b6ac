"""Makes a credit note: under the lock of its invoice, with where it goes in the same transaction."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from uuid_utils.compat import uuid7

from meter import audit, teams
from meter.audit import Actor
from meter.credit_notes import lines, store
from meter.credit_notes.plan import Room, plan
from meter.credit_notes.store import CreditNote, Which
from meter.credit_notes.wanted import Wanted
from meter.database import Connection
from meter.errors import CreditRefused, InvoiceState, NotFound
from meter.invoices import Invoice
from meter.invoicing import change, settled
from meter.invoicing.settled import Settlement
from meter.ledger import accounts, acts
from meter.ledger.acts import Deposit, Said
from meter.ledger.charging import currency_of
from meter.mail import outbox
from meter.model import Team
from meter.rating.charge import total
from meter.rating.money import exact, quotient

SOURCE = "credit_note"
PAYABLE = ("open", "uncollectible")


class Made(NamedTuple):
    """The credit note, and whether the invoice is paid by it: nothing is left to pay."""

    note: CreditNote
    paid: bool = False


class Planned(NamedTuple):
    """A credit note that is not written yet, and where it might have gone."""

    note: CreditNote
    room: Room


async def preview(conn: Connection, wanted: Wanted, actor: Actor) -> CreditNote:
    """What a credit note would say by now; keeps nothing. Raises as `make`."""
    return (await _planned(conn, wanted, actor)).note


async def make(conn: Connection, wanted: Wanted, actor: Actor) -> Made:
    """Makes a credit note in the caller's transaction, which then holds the invoice, and the counter of their numbers.

    Raises:
        InvoiceState: the invoice is a draft or void.
        CreditRefused: more than is left of it, or than may go where it is to go; or the account is in other money.
        InvalidBody: there is no such line, or the amount is not whole minor units.
        NotFound: the invoice is gone.
    """
    invoice = wanted.invoice
    planned = await _planned(conn, wanted, actor)
    team = await teams.get(conn, invoice.team)
    if team is None:
        raise NotFound("there is no such invoice")
    unwritten = planned.note._replace(public_id=uuid7())
    if unwritten.to_balance:
        await _put_in(conn, team, unwritten, actor)
    note = await store.write(conn, unwritten)
    paid = bool(note.to_invoice) and await _settle(conn, planned, note, actor)
    await outbox.credit_note(conn, invoice.id, invoice.team_id, (note.position or 0, note.number or ""), actor.at)
    subject = audit.of(team, "credit_note", note.public_id)
    await audit.record(conn, actor, "credit_note.create", subject, None, _told(note))
    return Made(note, paid)


async def _planned(conn: Connection, wanted: Wanted, actor: Actor) -> Planned:
    status = (await change.lock(conn, wanted.invoice.public_id, wanted.invoice.team_id)).status
    if status in {"draft", "void"}:
        said = "a draft: write it anew or discard it" if status == "draft" else "void: nothing of it is owed"
        raise InvoiceState(f"it is {said}")
    found = await lines.read(conn, wanted.invoice)
    room = await _room(conn, wanted.invoice, status)
    made = plan(wanted, found, room)
    return Planned(store.note_of(wanted.invoice, made, wanted.reason, wanted.note, actor.at), room)


async def _room(conn: Connection, invoice: Invoice, status: str) -> Room:
    settlements = await settled.read(conn, invoice.id)
    before = await store.list_notes(conn, invoice.team_id, Which(invoice=invoice.public_id), None)
    return room_of(invoice.total, status, settlements, before)


@exact()
def room_of(amount: Decimal, status: str, settlements: tuple[Settlement, ...], before: list[CreditNote]) -> Room:
    """What may still be credited, and where: together that is what of the invoice was not credited yet."""
    left = amount - total(each.total for each in before)
    to_pay = settled.to_pay(amount, settlements) if status in PAYABLE else amount * 0
    return Room(min(max(to_pay, amount * 0), left), left - min(max(to_pay, amount * 0), left))


async def _put_in(conn: Connection, team: Team, note: CreditNote, actor: Actor) -> None:
    """The part that goes into the team's account, which is opened where there is none."""
    account = await accounts.opened(conn, team, None, actor)
    if currency_of(account, team) != note.currency:
        raise CreditRefused(f"the team's account is not in {note.currency}; refund it instead", reason="currency")
    amount = _in_unit(note.to_balance, account.credit_price)
    said = Said(
        f"Credit for invoice {note.invoice_number}",
        {"credit_note": str(note.public_id), "invoice": str(note.invoice)},
        f"{SOURCE}/{note.public_id}",
    )
    await acts.put_in(conn, team, account, Deposit("credit_adjustment", amount), said, actor)


@exact()
def _in_unit(money: Decimal, credit_price: Decimal | None) -> Decimal:
    return money if credit_price is None else quotient(money, credit_price)


async def _settle(conn: Connection, planned: Planned, note: CreditNote, actor: Actor) -> bool:
    """Takes it off what is to pay of the invoice, which is paid when nothing is left; whether it is."""
    if note.public_id is None:
        raise ValueError("a preview settles nothing")
    words = f"Credited by {note.number}"
    settlement = Settlement("credit_note", note.to_invoice, words, note.public_id, actor.at)
    await settled.add(conn, note.invoice_id, settlement)
    if note.to_invoice < planned.room.to_pay:
        return False
    return await change.close(conn, note.invoice, "paid", f"credited by {note.number}", actor.at, receipt=False)


def _told(note: CreditNote) -> dict[str, str]:
    return {
        "number": note.number or "",
        "invoice": note.invoice_number,
        "reason": note.reason,
        "total": f"{note.total:f} {note.currency}",
    }

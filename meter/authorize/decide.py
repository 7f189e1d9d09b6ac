"""A batch, decided: each request in turn, on what those before it left. Pure; what follows is written together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec
from uuid_utils.compat import uuid7

from meter.authorize import answers, verdicts
from meter.authorize.answers import UsageSaid
from meter.authorize.holding import Holding
from meter.authorize.prepare import Wanted, refused
from meter.authorize.requests import (
    Answer,
    Ask,
    Asked,
    Closed,
    Made,
    Release,
    Released,
    Reservation,
    Settle,
    Settled,
)
from meter.authorize.terms import Terms
from meter.authorize.verdicts import Booked, Call, Decision, Held
from meter.duplicates import CONFLICT
from meter.errors import Problem, ReservationClosed
from meter.limits.path import Use
from meter.model import Event
from meter.rows import Wire
from meter.store import below

_encode = msgspec.json.Encoder(order="deterministic", decimal_format="string").encode
NEVER_STOPPED = Decision(allowed=True)
OPEN = "open"


@dataclass(slots=True)
class Done:
    """A batch's answers, and what is to be written beside counters and ledger: rows of usage by team."""

    answers: list[Answer | Problem] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    rows: dict[int, list[Wire]] = field(default_factory=dict)


def decide(wanted: Sequence[Wanted], holding: Holding) -> Done:
    """Decide each request; a Problem is that request's alone, and nothing of it is kept."""
    done = Done()
    for each in wanted:
        try:
            done.answers.append(_one(each, holding, done))
        except Problem as problem:
            done.answers.append(problem)
    return done


def _one(wanted: Wanted, holding: Holding, done: Done) -> Answer:
    match wanted.request:
        case Ask() as request:
            return _ask(wanted, request, holding, done)
        case Settle() as request:
            return _settle(wanted, request, holding, done)
        case Release() as request:
            return _release(wanted, request, holding, done)


def _ask(wanted: Wanted, request: Ask, holding: Holding, done: Done) -> Asked:
    terms, use = _known(wanted)
    decision = NEVER_STOPPED if request.caller.internal else verdicts.authorize(terms, use, wanted.path, holding.till)
    if not decision.allowed:
        return Asked(decision, None, None)
    made = Made(uuid7(), terms.team.id, use, request.at + request.lasts, decision.held)
    done.made.append(made)
    return Asked(decision, made.public_id, made.expires_at)


def _settle(wanted: Wanted, request: Settle, holding: Holding, done: Done) -> Settled:
    """Books a call once: the same again gets the same answer, an event that is stored already is not counted again."""
    terms, use = _known(wanted)
    reservation = _reservation(wanted, holding)
    event = wanted.event
    if event is None:
        raise TypeError("a settle has an event")
    said = sha256(b"".join(packed for *_, packed in wanted.wires)).digest()  # however its numbers are written
    if reservation.state not in (OPEN, "expired"):
        if reservation.state == "settled" and reservation.event_hash == said and reservation.answer is not None:
            return Settled(reservation.answer)
        raise ReservationClosed(f"it is {reservation.state}; what it was settled with, or released, stays so")
    duplicate = _is_stored(wanted, holding)
    held = reservation.held if reservation.state == OPEN else Held(account_id=reservation.held.account_id)
    if request.caller.internal:
        booked = Booked()
    else:
        call = Call(reservation.public_id, reservation.member, reservation.service, request.at)
        booked = verdicts.settle(terms, held, None if duplicate else use, wanted.path, holding.till, call)
    if not duplicate:
        done.rows.setdefault(terms.team.id, []).extend(wanted.wires)
        holding.stored.update({(terms.team.id, *row[:2]): True for row in wanted.wires})
    answer = _encode(
        answers.settled(booked, terms.team.currency, reservation.public_id, _usage(event, wanted, duplicate=duplicate))
    )
    _close(Closed(reservation.id, "settled", said, answer), reservation, holding, done)
    return Settled(answer)


def _usage(event: Event, wanted: Wanted, *, duplicate: bool) -> UsageSaid:
    time = event.time
    if time is None or event.id is None:
        raise TypeError("an event of a reservation has an id and a time")
    return UsageSaid(
        id=event.id,
        time=time,
        member=event.member,
        service=event.service,
        quantities={meter: f"{quantity:f}" for meter, quantity in wanted.given.items()},
        duplicate=duplicate,
    )


def _is_stored(wanted: Wanted, holding: Holding) -> bool:
    """Whether the event was counted before, as the same fact. Raises EventsRefused where it can't be stored."""
    terms, _ = _known(wanted)
    if any(row[0] < holding.floor_us for row in wanted.wires):
        raise refused(below(holding.floor_us))
    same = [holding.stored.get((terms.team.id, *row[:2])) for row in wanted.wires]
    if False in same or (True in same and None in same):
        raise refused(CONFLICT)
    return True in same


def _release(wanted: Wanted, request: Release, holding: Holding, done: Done) -> Released:
    reservation = _reservation(wanted, holding)
    state = "expired" if request.expired else "released"
    if reservation.state == OPEN:
        verdicts.release(reservation.held, holding.till)
        _close(Closed(reservation.id, state), reservation, holding, done)
        return Released(state)
    if reservation.state == "settled" and not request.expired:
        raise ReservationClosed("it is settled: what was used stays booked; correct the event if it is wrong")
    return Released(reservation.state)


def _close(closed: Closed, reservation: Reservation, holding: Holding, done: Done) -> None:
    done.closed.append(closed)
    holding.reservations[reservation.id] = reservation._replace(
        state=closed.state, event_hash=closed.event_hash, answer=closed.answer
    )


def _reservation(wanted: Wanted, holding: Holding) -> Reservation:
    if wanted.reservation is None:
        raise TypeError("only an ask has no reservation")
    return holding.reservations[wanted.reservation.id]


def _known(wanted: Wanted) -> tuple[Terms, Use]:
    if wanted.terms is None or wanted.use is None:
        raise TypeError("a release has no terms")
    return wanted.terms, wanted.use

"""What a call asks for and brings back, as it comes in; and refusals as problems, each under its status."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from meter.authorize import answers
from meter.authorize.answers import AuthorizeAnswer, Code, ReleaseAnswer, SettleAnswer
from meter.authorize.requests import Asked
from meter.errors import BudgetSpent, CreditsExhausted, LimitReached, LimitsUnavailable, PriceUnknown, Problem
from meter.model import Event, Team

MOST = 100
LASTS_S = 300
LONGEST_NAME = 200
LONGEST_S = 86_400

REFUSED: dict[Code, type[Problem]] = {
    "limit_reached": LimitReached,
    "budget_spent": BudgetSpent,
    "credits_exhausted": CreditsExhausted,
    "price_unknown": PriceUnknown,
    "limits_unavailable": LimitsUnavailable,
}

Seconds = Annotated[int, Meta(ge=1, le=LONGEST_S)]
Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00]*$")]
"""As in an event; checked here, as a call that says nothing else is no event and is registered all the same."""


class AskBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a call is about to use, as an event says it; all of it may be left out.

    What is asked for is reserved for `expires_in_seconds` at most.
    """

    meter: str | None = None
    quantity: Decimal | None = None
    quantities: dict[str, Decimal] | None = None
    member: Name | None = None
    service: Name | None = None
    dimensions: dict[str, str] | None = None
    expires_in_seconds: Seconds = LASTS_S

    def event(self) -> Event:
        """The same as an event."""
        return Event(
            meter=self.meter,
            quantity=self.quantity,
            quantities=self.quantities,
            member=self.member,
            service=self.service,
            dimensions=self.dimensions,
        )

    @property
    def lasts(self) -> timedelta:
        """How long it is reserved."""
        return timedelta(seconds=self.expires_in_seconds)


class SettleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a call did use. Without an id and time, the event gets the reservation's: a retry counts once."""

    reservation: UUID
    event: Event


class ReleaseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call that did not happen."""

    reservation: UUID


class Refused(msgspec.Struct, frozen=True):
    """Why one request of several could not be answered: a code of the problems, and what to change."""

    status: int
    code: str
    detail: str


class Authorized(msgspec.Struct, frozen=True):
    """An answer per request, in their order: `status` is what it would have had by itself."""

    status: int
    answer: AuthorizeAnswer | None
    problem: Refused | None


class AuthorizeAnswers(msgspec.Struct, frozen=True):
    """The answers to several calls, in their order."""

    items: list[Authorized]


class SettledOne(msgspec.Struct, frozen=True):
    """What became of one of several settles."""

    status: int
    answer: SettleAnswer | None
    problem: Refused | None


class SettleAnswers(msgspec.Struct, frozen=True):
    """What several calls came to, in their order."""

    items: list[SettledOne]


class ReleasedOne(msgspec.Struct, frozen=True):
    """What became of one of several releases."""

    status: int
    answer: ReleaseAnswer | None
    problem: Refused | None


class ReleaseAnswers(msgspec.Struct, frozen=True):
    """What became of several reservations, in their order."""

    items: list[ReleasedOne]


def view(team: Team, found: Asked) -> AuthorizeAnswer:
    """The answer to one call."""
    return answers.asked(found.decision, team.currency, found.reservation, found.expires_at)


def refusal(found: AuthorizeAnswer, asked: Asked, at: datetime) -> Problem | None:
    """The problem that a call which may not go on is told, None for one that may; the answer is among its members."""
    if found.reason is None:
        return None
    members = {name: value for name, value in msgspec.structs.asdict(found).items() if name != "reason"}
    problem = REFUSED[found.reason.code](found.reason.detail, **members)
    problem.retry_after_s = answers.retry_after(asked.decision, at)
    return problem


def refused(problem: Problem) -> Refused:
    """A problem within a batch."""
    return Refused(problem.status, problem.code, problem.detail)

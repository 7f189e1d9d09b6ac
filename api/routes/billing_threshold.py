"""/v1/billing/threshold: from which amount on is a team billed before its period is over?"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec
from litestar import Response, get, put
from litestar.params import JSONBody

from api import versions
from api.auth import may
from api.credit_given import amount_of
from api.errors import problems
from api.given import TheActor, TheShell, TheTeam
from api.versions import IfMatch
from meter import audit, teams, thresholds
from meter.errors import (
    BodyTooLarge,
    ChangedMeanwhile,
    InvalidBody,
    NotFound,
    TeamDeleted,
    UnsupportedEncoding,
)
from meter.thresholds import Threshold

PATH = "/v1/billing/threshold"


class NewThreshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An `amount` in the team's currency, without taxes; null: no invoice before a period is over.

    A `recurring` one is for as often as what was not billed yet reaches it, another for the first time in a period.
    """

    amount: Decimal | None
    recurring: bool = True


class ThresholdView(msgspec.Struct, frozen=True):
    """From which `amount` on a team is billed, null for none; `version` is the ETag, at first 0."""

    amount: str | None
    currency: str
    recurring: bool
    version: int
    changed_at: datetime | None


@get(PATH, guards=[may("view_billing")], responses=problems(NotFound), tags=["billing"])
async def get_threshold(team: TheTeam, shell: TheShell) -> Response[ThresholdView]:
    """Show from which amount on the team is billed before its period is over, with its version as ETag."""
    async with shell.readers.connection() as conn:
        kept = await thresholds.get(conn, team.id)
    return versions.tagged(_view(kept, team.currency), kept.version)


@put(
    PATH,
    guards=[may("operate")],
    responses=problems(NotFound, TeamDeleted, ChangedMeanwhile, InvalidBody, BodyTooLarge, UnsupportedEncoding),
    tags=["billing"],
)
async def put_threshold(
    data: JSONBody[NewThreshold], team: TheTeam, actor: TheActor, shell: TheShell, if_match: IfMatch = None
) -> Response[ThresholdView]:
    """Say from which amount on the team is billed before its period is over; the worker looks within minutes.

    What was used of the running period counts, also what was used before. With If-Match it replaces only that version.
    """
    wanted = Threshold(amount=_amount(data.amount), recurring=data.recurring)
    async with shell.pool.connection() as conn, conn.transaction():
        there = await teams.lock(conn, team)
        before = await thresholds.get(conn, there.id)
        versions.check(if_match, before.version)
        kept = await thresholds.put(conn, there.id, wanted, actor.at)
        was, now = (_view(each, there.currency) for each in (before, kept))
        subject = audit.of(there, "billing_threshold", there.public_id)
        await audit.record(conn, actor, "billing_threshold.change", subject, was, now)
    return versions.tagged(now, kept.version)


def _amount(given: Decimal | None) -> Decimal | None:
    """A number above zero as it may be kept. Raises InvalidBody."""
    amount = None if given is None else amount_of("amount", given)
    if amount == 0:
        raise InvalidBody("amount: above 0, or null for no threshold")
    return amount


def _view(threshold: Threshold, currency: str) -> ThresholdView:
    return ThresholdView(
        amount=None if threshold.amount is None else f"{threshold.amount:f}",
        currency=currency,
        recurring=threshold.recurring,
        version=threshold.version,
        changed_at=threshold.changed_at,
    )


HANDLERS = (get_threshold, put_threshold)

"""May a call go on that nobody can look at now? Where every limit last known on its way lets pass then. Pure."""

from __future__ import annotations

from meter.authorize.answers import AuthorizeAnswer
from meter.authorize.terms import Terms
from meter.authorize.verdicts import path_of, prepaid
from meter.errors import LimitsUnavailable
from meter.limits.budget import Budget
from meter.limits.path import Limit, Use

UNCHECKED = "the database can't be asked now; every limit last known lets pass meanwhile, and nothing is reserved"


def unchecked(terms: Terms | None, use: Use | None) -> AuthorizeAnswer:
    """The answer to a call that goes on unchecked; without terms, one under a key that is never stopped.

    Raises LimitsUnavailable where something does not let pass.
    """
    if terms is not None and use is not None:
        _check(terms, use)
    return AuthorizeAnswer(
        allowed=True,
        reservation=None,
        expires_at=None,
        reason=None,
        limits=[],
        billing=None,
        warnings=[UNCHECKED],
        checked=False,
    )


def _check(terms: Terms, use: Use) -> None:
    closed = [_name(limit) for limit in path_of(terms, use) if limit.hard and not limit.opens]
    if prepaid(terms, use):
        closed.append("the balance")
    if closed:
        raise LimitsUnavailable(f"the database can't be asked now, and nothing passes {', '.join(closed)} unlooked at")


def _name(limit: Limit) -> str:
    return repr(limit.budget.name if isinstance(limit.budget, Budget) else limit.budget.title)

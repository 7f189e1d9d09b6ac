"""What does a price book say of a plan that somebody chooses?"""

from __future__ import annotations

from collections.abc import Iterator

from meter.rating.book import Book
from meter.rating.plan import Plan
from meter.subscriptions.wish import Choice, Step


def choice_of(book: Book, plan: Plan) -> Choice:
    """A plan of a book, as agreed with the team: what it becomes, what may be beside it, whether it is offered."""
    return Choice(
        plan=f"{book.name}/{plan.name}",
        trial=tuple(_steps(book, plan)),
        addons=frozenset(addon.name for addon in book.addons.values() if addon.is_for(plan.name)),
        quantities=frozenset(price.times for price in plan.prices if price.times),
        retired=plan.retired,
    )


def _steps(book: Book, plan: Plan) -> Iterator[Step]:
    """The ends of a trial, and of those that follow it; one that comes round again ends there."""
    seen = {plan.name}
    while plan.trial_days is not None and plan.then is not None:
        yield Step(plan.trial_days, f"{book.name}/{plan.then}")
        if plan.then in seen:
            return
        seen.add(plan.then)
        plan = book.plans[plan.then]

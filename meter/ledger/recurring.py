"""When is a grant renewed that comes again every so often, and what is in it then? Pure: instants and wallets.

By the clock of a zone, from an anchor: a grant anchored on the 31st at noon is renewed at noon on the last day of
shorter months, and on the 31st again after them. Hours are hours that pass, whatever clocks are set to.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from meter.ledger.wallet import Burn, Wallet, live, repay, take
from meter.rating.money import exact
from meter.windows import utc

Every = Literal["hour", "day", "week", "month", "year"]
_DAYS: dict[Every, int] = {"day": 1, "week": 7}
_MONTHS: dict[Every, int] = {"month": 1, "year": 12}
_YEAR = 12
_NOTHING = Decimal(0)
_LAST = datetime.max.replace(tzinfo=UTC)


class Terms(NamedTuple):
    """How a grant comes again: `amount` anew at its anchor and each `times` hours, days, … before and after that.

    It is first given at `effective_at` and ends at `expires_at` (by its expiry or because it was voided). What is left
    when it is renewed is lost, but for `keep_most` of it (None: all is kept); where less is left than `keep_least`,
    it is filled up to that. So (amount=100) is 100 each time, (100, keep_most=50) at most 150, and
    (0, keep_least=100, keep_most=250) what was left, but no less than 100 and no more than 250.
    """

    amount: Decimal
    every: Every
    anchor: datetime
    effective_at: datetime
    expires_at: datetime | None = None
    times: int = 1
    keep_least: Decimal = _NOTHING
    keep_most: Decimal | None = _NOTHING


class Renewed(NamedTuple):
    """A wallet after a renewal: the burns that took what was lost, and those that put in what was given anew.

    The second may pay what was owed. Each is one transaction of the ledger, an expiry and a grant; either may be empty.
    """

    wallet: Wallet
    lost: tuple[Burn, ...]
    given: tuple[Burn, ...]


def renewals(terms: Terms, since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants (UTC) after `since`, up to and with `until`, at which a grant is renewed, in ascending order.

    So who asks from the last answer on misses none and gets none twice. None is at or before `effective_at`, which
    brings the grant's own amount, and none at or after `expires_at`. Raises ValueError for times without a zone, and
    for fewer than one `times`.
    """
    if terms.times < 1:
        raise ValueError(f"a grant that comes again every {terms.times} {terms.every}s does not; write 1 or more")
    since, until = max(_utc(since), _utc(terms.effective_at)), _utc(until)
    expires = None if terms.expires_at is None else _utc(terms.expires_at)
    last = None
    for at in _grid(terms, since, zone):
        if at > until or (expires is not None and at >= expires):
            return
        # A day that a zone skipped falls on the next one's start, which is a renewal of its own.
        if at > since and at != last:
            yield at
        last = at


def following(terms: Terms, instant: datetime, zone: ZoneInfo) -> datetime | None:
    """The first instant after one at which a grant is renewed; None where it never is again."""
    return next(renewals(terms, instant, _LAST, zone), None)


def _grid(terms: Terms, since: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Renewals one after the other, from shortly before an instant on, as long as there are dates."""
    anchor = _utc(terms.anchor)
    local = anchor.astimezone(zone).replace(tzinfo=None, fold=0)
    step, first = _steps(terms, anchor, local, since)
    for number in count(first):
        try:
            # The anchor itself may be the second of an hour that clocks repeat.
            yield step(number, zone) if number else anchor
        except (OverflowError, ValueError):
            if number >= 0:
                return


def _steps(
    terms: Terms, anchor: datetime, local: datetime, since: datetime
) -> tuple[Callable[[int, ZoneInfo], datetime], int]:
    """The n-th renewal counted from the anchor, and an n whose renewal is surely not after an instant."""
    passed = since - anchor
    if terms.every in _MONTHS:
        months = _MONTHS[terms.every] * terms.times
        gone = (since.year - local.year) * _YEAR + since.month - local.month
        return lambda number, zone: utc(_months_on(local, number * months), zone), gone // months - 2
    if terms.every in _DAYS:
        days = timedelta(days=_DAYS[terms.every] * terms.times)
        # Two days: more than any zone's clock is away from another's, or was ever set by.
        return lambda number, zone: utc(local + number * days, zone), (passed - timedelta(days=2)) // days
    hours = timedelta(hours=terms.times)
    return lambda number, _: anchor + number * hours, passed // hours


def _months_on(local: datetime, months: int) -> datetime:
    """The same day and time of another month, or that month's last day; always from the anchor, so it never drifts."""
    year, month = divmod(local.year * _YEAR + local.month - 1 + months, _YEAR)
    return local.replace(year=year, month=month + 1, day=min(local.day, monthrange(year, month + 1)[1]))


def _utc(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError(f"{instant.isoformat()} has no time zone")
    return instant.astimezone(UTC)


@exact()
def kept(terms: Terms, left: Decimal) -> Decimal:
    """What of a grant's rest lives on when it is renewed; `keep_most` goes before `keep_least`."""
    filled = max(left, terms.keep_least)
    return filled if terms.keep_most is None else min(filled, terms.keep_most)


@exact()
def renew(
    wallet: Wallet,
    lot_id: int,
    terms: Terms,
    at: datetime,
    left: Decimal | None = None,
    owed: Mapping[str, Decimal] | None = None,
) -> Renewed:
    """Takes from a lot what is lost, puts in what is given anew, and pays of it what is owed.

    Booked late, it comes to what it would have come to then: `left` is what was left of the lot at that instant, and
    `owed` what was owed until the renewal after it, which pays later debts. None: as the wallet stands. What is
    reserved stays: a call that was allowed before is not refused now. Raises ValueError for a lot that was not live
    then.
    """
    lot = next(lot for lot in wallet.lots if lot.id == lot_id)
    if not live(lot, at):
        raise ValueError(f"grant {lot_id} is not in effect at {at.isoformat()}; only such are renewed")
    was = lot.left if left is None else left
    rest = kept(terms, was)
    given = terms.amount + max(_NOTHING, rest - was)
    put = (Burn(lot_id, -given),) if given else ()
    # What was used since is taken of what is given anew; there must be enough of it.
    less = min(was - max(rest, lot.reserved), lot.left + given - lot.reserved)
    lost = (Burn(lot_id, less),) if less > 0 else ()
    wallet = take(wallet, (*lost, *put))
    if not given:
        return Renewed(wallet, lost, ())
    _, paid = repay(wallet if owed is None else wallet._replace(owed=owed), at)
    return Renewed(take(wallet, paid), lost, (*put, *paid))

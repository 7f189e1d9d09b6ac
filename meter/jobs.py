"""What does the worker do? Each job in a few lines: one turn in, a short sentence out, None when nothing was to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg

from meter import aggregate, changes, checks
from meter.adjustments import turn as adjustments
from meter.authorize import sweep
from meter.backfill import work as backfills
from meter.coverage import follow
from meter.coverage import learn as learning
from meter.database import Connection
from meter.held import turn as held
from meter.invoicing import report, threshold, watch
from meter.invoicing.run import Issuing, revenue
from meter.ledger import expire, renewing
from meter.ledger.charging import Charging
from meter.limits import follow as following
from meter.mail import turn as mailing
from meter.mail.letter import Compose
from meter.points.close import close_gaps
from meter.prices import unpriced as unpriced_usage
from meter.retention import pack as packing
from meter.retention import run as retention
from meter.retention.words import of_drop
from meter.settings import SETTINGS, Settings, field_of
from sql import statement

KEEP_RUNS = timedelta(days=14)
KEEP_ANSWERS = timedelta(days=7)
LONGEST_DETAIL = 1000

_PASSWORD = re.compile(r"(?<=://)[^\s/@]*:[^\s/@]*(?=@)|(?<=password=)\S+")
_KEY = re.compile(r"\bhm_\w+")


class Turn(NamedTuple):
    """What a job gets: a connection in autocommit mode, the settings, and what time it is (aware UTC)."""

    conn: Connection
    settings: Settings
    now: datetime


class CheckFailedError(RuntimeError):
    """A check returned rows, or came to no answer: something does not add up."""


async def refresh(turn: Turn) -> str | None:
    """Rolls up the buckets that events have touched."""
    found = await turn.conn.execute(statement("count_touched"), {"most": aggregate.MAX_ROWS})
    row = await found.fetchone()
    if row is None or row[0] == 0:
        return None
    if not await aggregate.refresh(turn.conn):
        return None  # another refresher is at it
    return f"rolled up {row[0]} rows of the log"


async def prepare(turn: Turn) -> str | None:
    """Makes partitions or chunks ahead of the events that will need them."""
    await aggregate.prepare(turn.conn, turn.now)
    return f"room for events until {turn.now + aggregate.AHEAD:%Y-%m-%d}"


async def close(turn: Turn) -> str | None:
    """Counts levels that nothing followed to the end of their gap."""
    closed = await close_gaps(turn.conn, turn.now)
    return f"closed {closed} levels" if closed else None


async def coverage(turn: Turn) -> str | None:
    """Notes in which quarters of an hour series have data, after what was rolled up; learns how often they report."""
    followed = await follow.follow(turn.conn, turn.now)
    enrolled = await follow.enrol(turn.conn)
    learned = await learning.learn(turn.conn, turn.now)
    if followed < follow.SLICE and not enrolled and not learned:
        return None  # the few quarters of every turn are no news
    return f"followed {followed} quarters, learned of {learned} series how often they report"


async def limits(turn: Turn) -> str | None:
    """Brings usage that came without asking to counters, and to accounts where the plan charges it as it happens."""
    charging = Charging()
    followed = await following.turn(turn.conn, turn.now, charging)
    said = [f"followed {followed} quarters"] if followed >= following.SLICE else []  # a few are no news
    if charging.unlike:
        teams = ", ".join(sorted(charging.unlike))
        said.append(f"not charged, as plan and account are in different currencies: {teams}")
    return "; ".join(said) or None


async def reservations(turn: Turn) -> str | None:
    """Gives back what was reserved for calls that were neither settled nor released in time."""
    expired = await sweep.turn(turn.conn, turn.now)
    return f"{expired} reservations expired" if expired else None


async def credits(turn: Turn) -> str | None:  # noqa: A001 - the name of the job
    """Renews grants that come again, takes what is left of those that have ended, and pays debts of what came free."""
    renewed = await renewing.turn(turn.conn, turn.now)
    ended, repaid = await expire.turn(turn.conn, turn.now)
    if not (renewed or ended or repaid):
        return None
    return f"{renewed} renewals, {ended} grants ended, {repaid} accounts paid debts"


async def invoices(turn: Turn) -> str | None:
    """Makes the invoices of periods that have ended, and drafts final whose time of grace is over.

    What can't be billed is looked at again in an hour; the check of invoices that are due says which it is.
    """
    issuing = Issuing(turn.settings, timedelta(hours=turn.settings.invoice_grace_hours))
    told = await watch.turn(turn.conn, issuing, timedelta(hours=turn.settings.bill_after_hours), turn.now)
    if not told:
        return None
    await report.keep(turn.conn, report.WORKER, told, turn.now)
    came = Counter(each.came for each in told)
    said = [", ".join(f"{came[name]} {name}" for name in ("billed", "draft", "there", "failed") if came[name])]
    said += [f"{each.total:f} {each.currency}" for each in revenue(told)]
    said += [f"{each.team.public_id}: {each.why}" for each in told if each.came == "failed"]
    return "; ".join(said)


async def late_usage(turn: Turn) -> str | None:
    """Looks at invoices whose usage may have changed since, each once a day; what differs goes by the team's policy."""
    found = await adjustments.turn(turn.conn, turn.now)
    if not found:
        return None
    came = Counter(each.outcome for each in found)
    return f"changed after its invoice: {', '.join(f'{many} {outcome}' for outcome, many in sorted(came.items()))}"


async def progressive(turn: Turn) -> str | None:
    """Bills teams whose running period has come to their threshold, before it is over."""
    told = await threshold.turn(turn.conn, turn.settings, turn.now)
    await report.keep(turn.conn, report.THRESHOLDS, told, turn.now)
    said = [f"{each.total:f} {each.currency} by {each.invoices} invoices" for each in revenue(told)]
    said += [f"{each.team.public_id}: {each.why}" for each in told if each.came == "failed"]
    return "; ".join(said) or None


async def identity(turn: Turn) -> str | None:
    """Holds events whose id came before with another time, after what was rolled up."""
    done = await held.turn(turn.conn, turn.now)
    if not done.held and not done.more:
        return None  # the usual few ranges are no news
    left = "; the rest follows" if done.more else ""
    return f"looked at ids in {done.looked} ranges, held {done.held} events{left}"


async def check(turn: Turn) -> str | None:
    """Runs every check of sql/check, and keeps what each found.

    Raises CheckFailedError naming those that returned rows.
    """
    found = await checks.run(turn.conn, turn.now)
    await checks.keep(turn.conn, found, turn.now)
    broken = [finding.name for finding in found if not finding.holds]
    if broken:
        raise CheckFailedError(f"{', '.join(broken)}: `meter doctor` shows what was found")
    return f"{len(found)} checks hold"


async def unpriced(turn: Turn) -> str | None:
    """Looks for usage that no price is in force for, and keeps what it found."""
    return await unpriced_usage.turn(turn.conn, turn.now)


async def backfill(turn: Turn) -> str | None:
    """Goes on with backfills that were asked for, as fast as leaves room for live ingest."""
    return await backfills.turn(turn.conn, turn.now)


async def mail(turn: Turn, write: Callable[[Settings], Compose]) -> str | None:
    """Mails what waits, in letters of what `write` makes. Raises where the server is away."""
    return await mailing.turn(turn.conn, mailing.post_of(turn.settings, write), turn.now)


async def tick(turn: Turn) -> str | None:
    """Notes what is visible now."""
    await changes.tick(turn.conn)
    return None  # nothing that anybody would look for among the runs


async def retain(turn: Turn) -> str | None:
    """Drops what need not be kept any more. Raises when a week is not what it must be, or is in use."""
    return of_drop(await retention.drop(turn.conn, turn.settings, turn.now))


async def pack(turn: Turn) -> str | None:
    """Moves weeks that hardly change any more to the columnstore."""
    packed = await packing.pack(turn.conn, turn.settings.columnstore_after_days, turn.now)
    return f"moved {packed} chunks to the columnstore" if packed else None


async def trim(turn: Turn) -> str | None:
    """Forgets what nobody asks for any more: old runs, expired sign-ins, answers kept for retries, what was visible."""
    runs = await turn.conn.execute(statement("trim_job_runs"), {"before": turn.now - KEEP_RUNS})
    sessions = await turn.conn.execute(statement("trim_sessions"), {"now": turn.now})
    answers = await turn.conn.execute(statement("trim_answers"), {"before": turn.now - KEEP_ANSWERS})
    await sweep.trim(turn.conn, turn.now - KEEP_ANSWERS)
    await changes.trim(turn.conn, turn.now)
    return f"forgot {runs.rowcount} runs, {sessions.rowcount} sign-ins, {answers.rowcount} answers"


def describe(error: BaseException, settings: Settings) -> str:
    """An error in one line that may be stored and logged: no secret, and of a database error only its own sentence.

    A database error's detail is left out because it quotes rows.
    """
    said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    text = f"{type(error).__name__}: {said or error}".replace("\0", "")
    secrets = [getattr(settings, field_of(s.name)) for s in SETTINGS if s.secret]
    for secret in filter(None, secrets):
        text = text.replace(str(secret), "…")
    text = _KEY.sub("hm_…", _PASSWORD.sub("…", text))
    return " ".join(text.split())[:LONGEST_DETAIL]

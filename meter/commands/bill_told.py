"""What `meter bill` says: a line per team and the sums, or a line per run that there was; as text or as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from meter.invoicing.report_read import Run
    from meter.invoicing.run import Skipped, Sum, Told


def results(told: Sequence[Told | Skipped], revenue: Iterable[Sum]) -> None:
    """A line per team, then how many, and what they come to."""
    for each in told:
        begun = "" if each.period is None else f"{each.period.start:%Y-%m-%d} "
        print(f"{each.team.name}: {begun}{each.came}: {_said(each)}")
    print(_counted(Counter(each.came for each in told)))
    for billed in revenue:
        print(_sum(billed))


def _said(each: Told | Skipped) -> str:
    made = each.invoice
    if made is None:
        return each.why or "in parts"
    return " ".join(filter(None, (made.number, f"{made.total:f}", made.currency)))


def results_as_json(told: Sequence[Told | Skipped], revenue: Iterable[Sum]) -> None:
    """The same, an object per line."""
    for each in told:
        made, period = each.invoice, each.period
        shown: dict[str, Any] = {
            "team": each.team.public_id,
            "from": period and period.start,
            "to": period and period.end,
            "came": each.came,
            "why": each.why or None,
            "invoice": made and made.public_id,
            "number": made and made.number,
            "total": made and f"{made.total:f}",
            "currency": made and made.currency,
        }
        print(msgspec.json.encode(shown).decode())
    print(msgspec.json.encode({"came": Counter(each.came for each in told), "revenue": _sums(revenue)}).decode())


def runs(found: Iterable[Run]) -> None:
    """A line per run."""
    for run in found:
        sums = [_sum(each) for each in run.revenue]
        ended = [] if run.ended_at else ["not ended: it still goes on, or was broken off"]
        said = f"meter {run.said}" if run.origin == "command" else f"the worker: {run.said}"
        print(f"{run.started_at:%Y-%m-%d %H:%M} {said}: {'; '.join([_counted(run.came), *sums, *ended])}")


def runs_as_json(found: Iterable[Run]) -> None:
    """The same, an object per line."""
    for run in found:
        shown = {
            "id": run.public_id,
            "origin": run.origin,
            "said": run.said,
            "month": run.month and f"{run.month:%Y-%m}",
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "came": run.came,
            "revenue": _sums(run.revenue),
        }
        print(msgspec.json.encode(shown).decode())


def _counted(came: Mapping[Any, int]) -> str:
    names = ("billed", "draft", "there", "failed", "skipped")
    return ", ".join(f"{came.get(name, 0):,} {name}" for name in names)


def _sum(billed: Sum) -> str:
    return f"{billed.total:f} {billed.currency} in {billed.invoices:,} invoices"


def _sums(revenue: Iterable[Sum]) -> list[dict[str, object]]:
    return [{"currency": each.currency, "invoices": each.invoices, "total": f"{each.total:f}"} for each in revenue]

"""What a book would change, as people read it: differences, whom they reach, and the money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from meter.prices.effect import Effect, Money
    from meter.rating.book_diff import Difference
    from meter.simulation.result import Compared, OfCurrency, Paid

MOST_LINES: Final = 200
MOST_TEAMS: Final = 20
_RIGHT: Final = frozenset({"teams", "as it is", "as it would be", "difference", "percent"})
_FIGURES: Final = ("as it is", "as it would be", "difference", "percent")


def show_effect(effect: Effect) -> None:
    """What is written otherwise, from when, and what that is for teams."""
    since = f"from {told(effect.since)} on" + (f" until {told(effect.until)}" if effect.until else "")
    if not effect.changes:
        print(f"{effect.book}: nothing changes, version {effect.version} is in force {since}")
        return
    place = f"in place of {effect.old_version}" if effect.old_version else "as a new book"
    print(f"{effect.book}: version {effect.version} {place}, {since}")
    if effect.until:
        print("  another version takes over then, as it was scheduled")
    show_differences(effect.differences)
    if effect.reaches:
        rows = [(each.kind, each.name, each.how, f"{each.teams:,}") for each in effect.reaches]
        show_table(("what", "name", "becomes", "teams"), rows)


def show_differences(differences: Sequence[Difference]) -> None:
    """A line each: + for what is new, - for what is gone, ~ for what says something else."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for each in differences[:MOST_LINES]:
        if each.old is None:
            line = Text(f"  + {each.path} = {each.new}", "green")
        elif each.new is None:
            line = Text(f"  - {each.path} = {each.old}", "red")
        else:
            line = Text(f"  ~ {each.path}: {each.old} → {each.new}", "yellow")
        console.print(line, soft_wrap=True)
    if len(differences) > MOST_LINES:
        print(f"  … and {len(differences) - MOST_LINES:,} more; --json lists all")


def show_money(money: Money, months: int, most_teams: int = MOST_TEAMS) -> None:
    """Who would have paid what, per plan and per team, and who could not be compared."""
    from meter.simulation.result import Compared, NotCompared

    if not money.results:
        print("no team had a plan of this book: nobody's money is touched")
        return
    periods = "last billing period" if months == 1 else f"last {months} billing periods"
    print(f"By what teams really used in their {periods}:")
    for currency in money.totals.currencies:
        rows = [(each.name, *figures(each.paid)) for each in (*currency.plans, _whole(currency))]
        show_table((f"plan ({currency.currency})", *_FIGURES), rows)
    compared = [each for each in money.results if isinstance(each, Compared) and each.paid.difference]
    _show_teams(sorted(compared, key=lambda each: (each.currency, -abs(each.paid.difference))), most_teams)
    for currency in money.totals.currencies:
        print(_sentence(currency))
    left_out = [each for each in money.results if isinstance(each, NotCompared)]
    for team in left_out[:most_teams]:
        why = "; ".join(dict.fromkeys(f"{each.side}: {each.detail}" for each in team.reasons))
        print(f"not compared: {team.name} ({team.team}): {why}")
    if len(left_out) > most_teams:
        print(f"… and {len(left_out) - most_teams:,} more teams that could not be compared; --json lists all")
    for unpriced in money.totals.unpriced:
        print(f"NO PRICE for {unpriced.meter}: {unpriced.quantity:f} used by {teams(unpriced.teams)}")


def _show_teams(compared: Sequence[Compared], most: int) -> None:
    rows = [(each.name, str(each.team), each.currency, *figures(each.paid)) for each in compared[:most]]
    if rows:
        show_table(("team", "id", "in", *_FIGURES), rows)
    if len(compared) > most:
        print(f"… and {len(compared) - most:,} more teams; --json lists all")


def _whole(currency: OfCurrency) -> Any:  # noqa: ANN401 (a Named, which is loaded when it runs)
    from meter.simulation.result import Named

    return Named("all", currency.paid)


def _sentence(currency: OfCurrency) -> str:
    """How many win, how many lose, and what it is in all."""
    said = f"{teams(currency.pays_less)} would pay less, {currency.pays_more:,} more, {currency.unchanged:,} the same"
    old, new, difference, percent = figures(currency.paid)
    share = f", {percent}" if percent else ""
    return f"{said}: {old} → {new} {currency.currency} ({difference}{share})"


def teams(count: int) -> str:
    """So many teams."""
    return "1 team" if count == 1 else f"{count:,} teams"


def figures(paid: Paid) -> tuple[str, str, str, str]:
    """Both amounts, what more it would be, and that in percent."""
    percent = paid.percent
    return _amount(paid.old), _amount(paid.new), f"{paid.difference:+,f}", "" if percent is None else f"{percent:+,f}%"


def _amount(amount: Decimal) -> str:
    return f"{amount:,f}"


def told(at: datetime) -> str:
    """An instant of UTC as people read it and --from takes it: a midnight is its date."""
    return f"{at:%Y-%m-%d}" if at.timetz().replace(tzinfo=None) == time() else at.isoformat().replace("+00:00", "Z")


def show_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table: nothing is cut, and nothing in it is taken for markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in head:
        table.add_column(name, overflow="fold", justify="right" if name in _RIGHT else "left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)

"""A storm of callers on limits, the service killed in the middle of it, and the reckoning: never over, nothing lost."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import psutil
import psycopg

from meter import checks
from meter import database as databases
from meter.limits import follow
from tests.served import Client, Service, make_team, serving
from tests.soak.callers import PATIENCE_S, Caller, Use
from tests.soak.house import Gauge

COUNT_RESERVATIONS = Path(__file__).with_name("count_reservations.sql")
CALLERS = 32
DAY = timedelta(days=1)
LIMIT = Decimal(1000)
DEMAND = Decimal(1800)  # what would be used if nobody denied it, so that the end of it meets a full budget
HAPPENED = ("allowed", "died asking", "died holding", "died settling", "released", "settled after a time-out")
GRANTED, BOUGHT = Decimal("0.005"), Decimal("0.02")  # together some 1,000 tokens
PRICES = {"tokens.input": Decimal("0.000015"), "tokens.output": Decimal("0.000045")}


class Storm(NamedTuple):
    """How often each caller asks, how many processes answer; `five` budgets on each way; paid before, as it is used.

    `honest` callers use no more than they asked for, in time: then limits hold to the last digit.
    """

    rounds: int
    processes: int = 1
    five: bool = False
    prepaid: bool = False
    honest: bool = False
    seed: int = 1


def run(storm: Storm, database: str, directory: Path) -> str:
    """Lets callers loose, then reckons; answers what happened in one line. Raises AssertionError."""
    with serving(database, directory, METER_PROCESSES=str(storm.processes)) as service, Gauge(service) as memory:
        client = make_team(service.url, plan="credits/prepaid" if storm.prepaid else None)
        _limit(client, storm)
        mean = DEMAND / (CALLERS * storm.rounds)
        callers = [Caller(number, client, mean, storm.seed, honest=storm.honest) for number in range(CALLERS)]
        began = time.monotonic()
        _call(service, callers, storm.rounds)
        took_s = time.monotonic() - began
        waited_s = _until_nothing_is_reserved(client)
        counts = _reckon(storm, database, client, callers)
        return (
            f"storm {storm}: {counts.pop('requests')} calls in {took_s:.1f} s, free again after {waited_s:.1f} s; "
            f"{dict(sorted(counts.items()))}; the service {memory.peak_bytes / 1e6:.0f} MB"
        )


def _limit(client: Client, storm: Storm) -> None:
    """Budgets that each deny some calls: those of everybody are used up last, a member's or a service's before."""
    usual = {"measure": "units", "meters": sorted(PRICES), "window": "ever"}
    most = LIMIT * 2 if storm.prepaid else LIMIT  # credits end first
    budgets: list[dict[str, Any]] = [{"name": "team", "amount": most}]
    if storm.five:
        budgets += [
            {"name": "members", "amount": LIMIT * 3 / 10, "each": ["member"]},
            {"name": "services", "amount": LIMIT * 11 / 20, "each": ["service"]},
            {"name": "meters", "amount": LIMIT * 13 / 20, "each": ["meter"]},
            {"name": "keys", "amount": LIMIT + 1, "each": ["key"]},
        ]
    for budget in budgets:
        client.post("/v1/budgets", usual | budget | {"amount": str(budget["amount"])})
    if storm.prepaid:
        operator = Client(client.url)
        for given in (
            {"kind": "credit_purchase", "paid": str(BOUGHT)},
            {"kind": "credit_grant", "amount": str(GRANTED), "priority": 10},
        ):
            operator.post(f"/v1/admin/credits?team={client.team}", given | {"source": given["kind"]})


def _call(service: Service, callers: Sequence[Caller], rounds: int) -> None:
    """Lets all callers make their calls, and kills the service with all it has started when half of them are made."""
    over = Event()
    with ThreadPoolExecutor(len(callers)) as threads:
        calling = [threads.submit(caller.work, rounds, over) for caller in callers]
        try:
            while sum(caller.turns for caller in callers) < len(callers) * rounds / 2:
                _raise(each for each in calling if each.done())
                time.sleep(0.01)
            _kill(service)
            service.start()
        except BaseException:
            over.set()
            raise
    _raise(calling)


def _raise(done: Iterable[Future[None]]) -> None:
    for each in done:
        each.result()


def _kill(service: Service) -> None:
    """Ends all its processes as a power cut would."""
    others = psutil.Process(service.pid).children(recursive=True)
    service.kill()
    for other in others:
        try:
            other.kill()
        except psutil.NoSuchProcess:
            continue  # its parent is gone, and it has noticed
    psutil.wait_procs(others, timeout=PATIENCE_S)


def _until_nothing_is_reserved(client: Client) -> float:
    """Waits for the worker, who takes back what callers died with; answers how many seconds."""
    began = time.monotonic()
    while _reserved(client):
        assert time.monotonic() - began < PATIENCE_S, "nobody takes back what is reserved"
        time.sleep(0.1)
    return time.monotonic() - began


def _reserved(client: Client) -> Decimal:
    counters = [Decimal(each["reserved"]) for budget in _budgets(client) for each in budget["counters"]]
    assert min(counters, default=Decimal(0)) >= 0
    account = client.http.get("/v1/billing/account")
    return sum(counters, Decimal(account.json()["reserved"]) if account.is_success else Decimal(0))


def _budgets(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/budgets")["items"]
    return found


def _reckon(storm: Storm, database: str, client: Client, callers: Sequence[Caller]) -> Counter[str]:
    """Never over; used is what was settled, once each; counters, views, ledger and events say the same."""
    seen = [caller.seen for caller in callers]
    assert [said for each in seen for said in each.wrong][:3] == []
    counts: Counter[str] = sum((each.counts for each in seen), Counter(requests=sum(each.turns for each in callers)))
    assert [name for name in HAPPENED if not counts[name]] == []
    assert counts["denied 402" if storm.prepaid else "denied 429"], counts

    events = _events(client)
    settled = {reservation: use for each in seen for reservation, use in each.settled.items()}
    unheard = {reservation: use for each in seen for reservation, use in each.unheard.items()}
    assert {reservation: events.get(reservation) for reservation in settled} == settled, "acknowledged, and not there"
    assert events.items() <= (settled | unheard).items(), "nobody has used that"
    assert events.keys() & unheard.keys(), "who hung up was never heard"

    beyond = sum((each.beyond for each in seen), Decimal(0))
    fullest = max(each.fullest for each in seen)
    assert fullest <= beyond, f"used and reserved were {fullest} above a limit"
    _check_counters(client, events.values(), beyond)
    _check_usage(client, events.values())
    if storm.prepaid:
        _check_ledger(client, events.values(), beyond, min(each.lowest for each in seen))
    _check_database(database, len(events))
    return counts + Counter({"settled unheard": len(events.keys() & unheard.keys()), "settled in all": len(events)})


def _events(client: Client) -> dict[str, Use]:
    """All events, by the reservation that each was settled with."""
    found: dict[str, Use] = {}
    for meter in sorted(PRICES):
        asked: dict[str, Any] = {"meter": meter, "limit": 1000, **_around()}
        while True:
            page = client.get("/v1/usage/events", **asked)
            for each in page["items"]:
                assert each["attributes"]["call"] not in found, "one call, two events"
                use = Use(meter, Decimal(each["quantity"]), each["member"], each["service"])
                found[each["attributes"]["call"]] = use
            if page["next"] is None:
                break
            asked["cursor"] = page["next"]
    return found


def _around() -> dict[str, str]:
    """Yesterday to tomorrow, as questions have it."""
    now = datetime.now(UTC)
    return {"from_": (now - DAY).isoformat(), "to": (now + DAY).isoformat()}


def _check_counters(client: Client, uses: Iterable[Use], beyond: Decimal) -> None:
    """Each counter is at what its events come to, and no further than its budget but for what was settled above it."""
    made = list(uses)
    for budget in _budgets(client):
        assert budget["counters"]
        for counter in budget["counters"]:
            mine = [use for use in made if _is_of(use, counter)]
            used = Decimal(counter["used"])
            assert used == sum((use.quantity for use in mine), Decimal(0)), (budget["name"], counter)
            assert used <= Decimal(budget["amount"]) + beyond, (budget["name"], counter)


def _is_of(use: Use, counter: Mapping[str, Any]) -> bool:
    return all(counter[name] in (None, getattr(use, name)) for name in ("member", "service", "meter"))


def _check_usage(client: Client, uses: Iterable[Use]) -> None:
    """What usage says is what events come to, label by label."""
    expected: dict[tuple[object, ...], Decimal] = {}
    for use in uses:
        key = use.meter, use.member, use.service
        expected[key] = expected.get(key, Decimal(0)) + use.quantity
    said = {
        (meter, each["member"], each["service"]): Decimal(each["quantity"])
        for meter in sorted(PRICES)
        for each in client.usage(meter=meter, group_by="member,service", **_around())
    }
    assert said == expected


def _check_ledger(client: Client, uses: Iterable[Use], beyond: Decimal, lowest: Decimal) -> None:
    """What was spent is the price of what was used; nothing went below zero but what was settled above it."""
    spent = sum((use.quantity * PRICES[use.meter] for use in uses), Decimal(0))
    account = client.get("/v1/billing/account")
    assert Decimal(account["total_spent"]) == spent
    assert Decimal(account["balance"]) == BOUGHT + GRANTED - spent
    assert lowest >= -beyond * max(PRICES.values())
    assert sum(_transactions(client), Decimal(0)) == Decimal(account["balance"])


def _transactions(client: Client) -> list[Decimal]:
    """What all transactions moved, and that each left what those before it had come to."""
    moved: list[tuple[Decimal, Decimal]] = []
    asked: dict[str, Any] = {"limit": 1000}
    while True:
        page = client.get("/v1/billing/transactions", **asked)
        moved += [(Decimal(each["amount"]), Decimal(each["balance_after"])) for each in page["items"]]
        if page["next"] is None:
            break
        asked["cursor"] = page["next"]
    balance = Decimal(0)
    for amount, after in reversed(moved):
        balance += amount
        assert after == balance
    return [amount for amount, _ in moved]


def _check_database(database: str, events: int) -> None:
    """No reservation is open, as many are settled as there are events; every check holds, and every counter is right.

    That the ledger comes to nothing is among the checks.
    """
    with psycopg.connect(database, options=databases.OPTIONS, autocommit=True) as conn:
        states: dict[str, int] = dict(conn.execute(COUNT_RESERVATIONS.read_bytes()).fetchall())
    assert states.get("open", 0) == 0
    assert states["settled"] == events
    assert states["expired"]
    asyncio.run(_check_sums(database))


async def _check_sums(database: str) -> None:
    async with await databases.connect(database, autocommit=True) as conn:
        assert [each for each in await checks.run(conn, datetime.now(UTC)) if not each.holds] == []
        for team in await follow.teams(conn):
            assert (await follow.compare(conn, team, datetime.now(UTC))).wrong == []

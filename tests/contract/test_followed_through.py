"""Void, amend, late, backfill: each followed through to usage and to invoices, however raw events are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from meter import bill
from meter.archive.look import Question, Row
from meter.archive.read import Reader
from meter.errors import RawDataGone
from meter.invoices import Party
from meter.retention import pack
from meter.subscriptions import decisions
from tests.api.site import problem, served, settings_for
from tests.contract.correcting import broken
from tests.contract.following import OCTOBER, Seen, changed, corrected, drilled, final, look, noted, right, told
from tests.contract.following_acts import (
    ACTS,
    BEFORE,
    BILLED,
    BILLED_ACTS,
    C1,
    C2,
    N1,
    N2,
    N3,
    N4,
    NIGHT,
    OLD,
    OLD_USAGE,
    Act,
    BilledAct,
)
from tests.contract.keeping import retained, settings, settled
from tests.contract.place import NOW, Place, ask, send

FLOOR = datetime(2026, 11, 2, tzinfo=UTC)  # the last Monday two weeks or more before NOW
COLUMNSTORE_AFTER_DAYS = 7
PLAN = "cloud/payg"


class Storage(NamedTuple):
    """How raw events are stored: the open period's in the columnstore or not; the billed one's dropped or not."""

    packed: bool
    dropped: bool


async def run(function: Callable[[Question], list[Row]], question: Question) -> list[Row]:
    """Read in a thread, as the service does in a process."""
    return await asyncio.to_thread(function, question)


async def billed(place: Place) -> bill.Outcome:
    """Use something in both periods, roll it up, and bill the first."""
    assert (await send(place, *OLD, N1, N2, N3, N4, C1, C2)).accepted == 9
    async with place.pool.connection() as conn:
        await settled(conn)
        await decisions.begin(conn, place.team, PLAN, PLAN, NOW)
        return await bill.generate(conn, place.team, OCTOBER, Party("Seller"), NOW)


async def stored(place: Place, storage: Storage, archive: Path) -> None:
    """Move what is old to the columnstore, and drop what is billed, as the worker does."""
    if storage.packed:
        await packed(place)
    if storage.dropped:
        assert len((await retained(place, settings(archive))).weeks) == 3
        async with place.pool.connection() as conn:
            assert (await ask(conn, "count_raw"))[0][1] > BILLED[1]


async def packed(place: Place) -> None:
    """Move to the columnstore what is not there yet, and see that the open period is."""
    async with place.pool.connection() as conn:
        assert await pack.pack(conn, COLUMNSTORE_AFTER_DAYS, NOW) > 0
        assert await ask(conn, "is_packed", {"instant": NIGHT[0]}) == [(True,)]


async def holds(place: Place, storage: Storage, seen: Seen) -> datetime:
    """See the same at once, rolled up, and moved to the columnstore again, buckets as raw events; answer as of when."""
    floor = FLOOR if storage.dropped else None
    stood = await look(place)
    assert stood.seen == seen
    assert await right(place, floor)
    assert await broken(place) == []  # rolls up
    assert await look(place) == stood
    if storage.packed:
        await packed(place)
        assert await look(place) == stood
        assert await right(place, floor)
    return stood.as_of


async def follow(place: Place, storage: Storage, act: Act, directory: Path) -> None:
    """Follow an act through: usage and the open invoice go with it, what is billed stays, nothing goes that is gone."""
    made = await billed(place)
    invoice, events = await final(place, made), await drilled(place, OCTOBER, None)
    assert (f"{invoice.total:f}", len(events)) == ("18.00", 6)
    await stored(place, storage, directory)
    archive = Reader(directory, run) if storage.dropped else None
    before = await look(place)
    assert before.seen == BEFORE
    if storage.dropped:
        await act.refused(place)
        assert await look(place) == before

    since = await noted(place)
    undo = await act.do(place)
    as_of = await holds(place, storage, act.seen)
    assert as_of > before.as_of
    assert await changed(place, since, FLOOR) == told(act.changed)
    assert await corrected(place) == act.made

    if undo is not None:
        since = await noted(place)
        await undo()
        assert await holds(place, storage, BEFORE) > as_of
        assert await changed(place, since, FLOOR) == told(act.undone)
        assert await corrected(place) == act.unmade

    assert (await look(place, OCTOBER)).seen == OLD_USAGE
    assert await final(place, made) == invoice
    assert await drilled(place, OCTOBER, archive) == events


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("dropped", [False, True], ids=["kept", "dropped"])
async def test_followed_through(place: Place, act: Act, tmp_path: Path, *, dropped: bool) -> None:
    """To the digit and to the cent, and back; with the billed period's raw events kept and dropped."""
    await follow(place, Storage(packed=False, dropped=dropped), act, tmp_path)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("dropped", [False, True], ids=["kept", "dropped"])
@pytest.mark.parametrize("engine", ["timescale"], indirect=True, scope="session")  # partitions have no columnstore
async def test_followed_through_in_the_columnstore(place: Place, act: Act, tmp_path: Path, *, dropped: bool) -> None:
    """The same where the raw events are compressed before, and again after each step."""
    await follow(place, Storage(packed=True, dropped=dropped), act, tmp_path)


@pytest.mark.parametrize("act", BILLED_ACTS.values(), ids=BILLED_ACTS)
async def test_what_is_billed_stays_billed(place: Place, act: BilledAct, tmp_path: Path) -> None:
    """Usage of a billed period follows, its invoice does not; once raw events are dropped it can't be taken back."""
    made = await billed(place)
    invoice = await final(place, made)
    undo = await act.do(place)
    after = await look(place, OCTOBER)
    assert after.seen.members == act.members
    assert await right(place, None)
    assert await broken(place) == []
    assert await final(place, made) == invoice
    events = await drilled(place, OCTOBER, None)

    async with place.pool.connection() as conn:
        await settled(conn)
    await stored(place, Storage(packed=False, dropped=True), tmp_path)
    if undo is not None:
        with pytest.raises(RawDataGone):
            await undo()
    assert await look(place, OCTOBER) == after
    assert (await look(place)).seen == BEFORE
    assert await drilled(place, OCTOBER, Reader(tmp_path, run)) == events
    assert await final(place, made) == invoice
    async with place.pool.connection() as conn:
        again = await bill.generate(conn, place.team, OCTOBER, Party("Seller"), NOW)
    assert again == made._replace(created=False)


class Asking(NamedTuple):
    """A team's own key, and what it is answered."""

    client: httpx.AsyncClient
    team: str

    async def get(self, path: str, **query: str) -> Any:
        """Answer a GET that succeeds."""
        answer = await self.client.get(path, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    async def post(self, path: str, **body: object) -> Any:
        """Answer a POST that succeeds."""
        answer = await self.client.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def refused(self, path: str, **body: object) -> str:
        """Answer the code of a POST that is refused."""
        return problem(await self.client.post(path, json=body))

    async def november(self) -> tuple[datetime, str, str]:
        """Answer as of when, the core-hours used, and what the open invoice is by now."""
        span = {"from": "2026-11-01", "to": "2026-12-01"}
        used = await self.get("/v1/usage", meter="cpu", tz="UTC", **span)
        invoice = await self.post(f"/v1/teams/{self.team}/invoices", preview=True, **span)
        assert used["as_of"] == invoice["as_of"]
        return datetime.fromisoformat(used["as_of"]), used["items"][0]["quantity"], invoice["total"]


async def test_as_the_api_says(place: Place, tmp_path: Path) -> None:
    """Over HTTP: a void and its undo in usage, changes and preview; the codes and drill-down where raw events are gone.

    In the columnstore where there is one.
    """
    made = await billed(place)
    await stored(place, Storage(packed=place.engine == "timescale", dropped=True), tmp_path)
    since = (await noted(place)).isoformat()
    night, old = ({"from": span[0].isoformat(), "to": span[1].isoformat()} for span in (NIGHT, BILLED))
    void = {"kind": "void", "reason": "a mistake"}
    async with served(settings_for(place.url, tmp_path, archive_dir=tmp_path)) as site:
        site.clock.ahead = NOW - datetime.now(UTC)
        team = str(place.team.public_id)
        async with site.client(await site.make_key(team, "ingest", "read", "admin")) as client:
            ask_api = Asking(client, team)
            before = await ask_api.november()
            assert before[1:] == ("950", "34.16")
            voided = await ask_api.post("/v1/corrections", **void, query={**night, "member": "ann"})
            after = await ask_api.november()
            assert after[0] > before[0]
            assert after[1:] == ("150", "17.36")
            hours = (await ask_api.get("/v1/usage/changes", since=since, **night))["items"]
            assert [(each["meter"], each["corrected"]) for each in hours] == [
                ("cpu", {"events": 4, "before": "400", "after": "0"}),
                ("network", {"events": 1, "before": "650", "after": "0"}),
                ("cpu", {"events": 4, "before": "400", "after": "0"}),
            ]
            await ask_api.post(f"/v1/corrections/{voided['id']}/undo", reason="none")
            assert (await ask_api.november())[1:] == before[1:]
            assert [each["kind"] for each in (await ask_api.get("/v1/corrections"))["items"]] == ["undo", "void"]

            assert await ask_api.refused("/v1/corrections", **void, query=old) == "raw_data_gone"
            assert await ask_api.refused("/v1/backfills", meters=["cpu"], reason="lost", **old) == "raw_data_gone"
            receipt = await ask_api.post("/v1/events", id="late", time=old["from"], meter="network", quantity=1)
            assert [each["code"] for each in receipt["rejected"]] == ["too_late"]
            events = await ask_api.get("/v1/usage/events", **{"from": "2026-10-01", "to": "2026-11-01"})
            assert len(events["items"]) == 6
            assert (await ask_api.get(f"/v1/invoices/{made.public_id}"))["total"] == "18.00"

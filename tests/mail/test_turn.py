"""A turn of the worker against real mail servers: what is taken, refused, postponed, cut, and never sent twice."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from meter import teams
from meter.database import Connection, Pool
from meter.invoices import Invoice
from meter.invoicing.change import close
from meter.invoicing.states import Closed
from meter.mail import outbox
from meter.mail.letter import Letter
from meter.mail.pauses import GIVE_UP_AFTER
from meter.mail.server import Server
from meter.mail.smtp import AwayError, Session
from meter.mail.turn import LEASE, NO_SERVER
from tests.billing.house import NOW, House
from tests.mail.letters import LATER, SENDER, invoiced, log, mailed, one, post, sent, short
from tests.mail.post_office import OK, PASSWORD, USER, PostOffice, opened
from tests.served import free_port

OWNER, BILLING = "alice@example.com", "pay@example.com"
MANY, LARGE = 1_000, 20_000


async def states(pool: Pool) -> list[tuple[str, str]]:
    """Answer what became of mail, oldest first."""
    return [(mail.recipient, mail.state) for mail in await log(pool)]


async def test_owner_and_billing_address_get_it_once(house: House, office: PostOffice) -> None:
    """One mail each however often it is queued and sent; the headers are what they should be."""
    invoice = await mailed(house)
    async with house.pool.connection() as conn:
        assert await outbox.invoice(conn, invoice.id, house.team.id, "invoice", NOW) == 0
    assert await sent(house.pool, post(office.server, reply_to="ask@seller.example")) == "mails: 2 sent"
    assert await sent(house.pool, post(office.server), NOW + LATER) is None
    assert office.recipients == [OWNER, BILLING]
    mail, logged = office.read(0), (await log(house.pool))[0]
    assert mail["Subject"] == f"Invoice {invoice.number} from Seller & Co" == logged.subject
    assert (mail["From"], mail["To"].addresses[0].addr_spec) == ("Seller & Co <billing@seller.example>", OWNER)
    assert (mail["Reply-To"], mail["Auto-Submitted"]) == ("ask@seller.example", "auto-generated")
    assert mail["Message-ID"] == logged.message_id == f"<{logged.public_id}@{SENDER.domain}>"
    assert (logged.state, logged.attempts, logged.next_at, logged.last_error) == ("sent", 1, None, None)
    assert logged.sent_at is not None


async def test_an_address_gets_one_mail_whoever_it_is(home: House, office: PostOffice) -> None:
    """The owner's and the billing address, but for capitals, are one."""
    async with home.pool.connection() as conn:
        await teams.edit(conn, home.team, home.team.name, "UTC", "Alice@Example.com")
    await mailed(home)
    await sent(home.pool, post(office.server))
    assert [each.lower() for each in office.recipients] == [OWNER]


async def test_queued_with_the_fact_or_not_at_all(house: House, office: PostOffice) -> None:
    """What the transaction takes back was never to be mailed."""
    invoice = await invoiced(house)
    async with house.pool.connection() as conn, conn.transaction(force_rollback=True):
        assert await outbox.invoice(conn, invoice.id, house.team.id, "invoice", NOW) == 2
    assert await sent(house.pool, post(office.server)) is None


async def test_refused_for_good_and_not_for_the_others(home: House, office: PostOffice) -> None:
    """550 for one recipient: it is failed with the server's words, the other has its mail."""
    await mailed(home)
    office.on_recipient = lambda address: "550 5.1.1 no such mailbox" if address == OWNER else OK
    assert await sent(home.pool, post(office.server)) == "mails: 1 sent, 1 failed"
    assert await states(home.pool) == [(OWNER, "failed"), (BILLING, "sent")]
    assert (await log(home.pool))[0].last_error == "550 5.1.1 no such mailbox"
    assert await sent(home.pool, post(office.server), NOW + timedelta(days=1)) is None


@pytest.mark.parametrize("where", ["on_recipient", "on_mail"])
async def test_not_now_is_tried_again_after_growing_pauses(home: House, office: PostOffice, where: str) -> None:
    """451 twice, then taken: after a minute, after five more; the other one's mail does not wait for it."""
    await mailed(home)
    answers = {OWNER: ["451 4.7.1 greylisted"] * 2}
    setattr(office, where, lambda address: answers[address].pop() if answers.get(address) else OK)
    assert await sent(home.pool, post(office.server)) == "mails: 1 sent, 1 postponed"
    waiting = (await log(home.pool))[0]
    assert (waiting.state, waiting.last_error) == ("queued", "451 4.7.1 greylisted")
    assert await sent(home.pool, post(office.server), NOW + timedelta(seconds=30)) is None
    assert await sent(home.pool, post(office.server), NOW + LATER) == "mails: 1 postponed"
    assert await sent(home.pool, post(office.server), NOW + 2 * LATER) is None
    assert await sent(home.pool, post(office.server), NOW + 5 * LATER) == "mails: 1 sent"
    done = (await log(home.pool))[0]
    assert (done.state, done.attempts, done.message_id) == ("sent", 3, waiting.message_id)


async def test_a_connection_cut_in_the_middle_of_a_mail(home: House, office: PostOffice) -> None:
    """It is tried again; the next mail goes over another connection at once."""
    await mailed(home)
    cut = [""]
    office.on_mail = lambda _: cut.pop() if cut else OK
    assert await sent(home.pool, post(office.server)) == "mails: 1 sent, 1 postponed"
    assert (await log(home.pool))[0].last_error == "the connection was lost"
    assert await sent(home.pool, post(office.server), NOW + LATER) == "mails: 1 sent"
    assert sorted(office.recipients) == [OWNER, BILLING]


async def test_a_server_that_is_down_fails_the_job_and_costs_nothing(home: House) -> None:
    """Everything stays queued, and is sent when the server is there."""
    await mailed(home)
    down = Server("127.0.0.1", free_port(), None, None, tls=False)
    with pytest.raises(AwayError, match=f"127.0.0.1:{down.port}"):
        await sent(home.pool, post(down))
    assert {state for _, state in await states(home.pool)} == {"queued"}
    async with opened() as office:
        assert await sent(home.pool, post(office.server), NOW + LATER) == "mails: 2 sent"


async def test_given_up_after_days(home: House, office: PostOffice) -> None:
    """With what the server said last."""
    await mailed(home)
    office.on_mail = lambda _: "452 4.2.2 full"
    assert await sent(home.pool, post(office.server), NOW + GIVE_UP_AFTER) == "mails: 2 failed"
    assert (await log(home.pool))[0].last_error == "given up: 452 4.2.2 full"


async def test_without_a_server_nothing_is_sent_now_or_later(house: House, office: PostOffice) -> None:
    """The log says so; who sets a server in a year does not mail a year's invoices."""
    await mailed(house)
    assert await sent(house.pool, None) == f"2 mails not sent: {NO_SERVER}"
    assert await sent(house.pool, None) is None
    assert await sent(house.pool, post(office.server), NOW + LATER) is None
    assert {(mail.state, mail.last_error) for mail in await log(house.pool)} == {("skipped", NO_SERVER)}


async def test_one_that_cant_be_written_stops_no_other(
    home: House, office: PostOffice, caplog: pytest.LogCaptureFixture
) -> None:
    """A letter that fails is tried again and logged; an address that is none is failed."""
    invoice = await mailed(home)
    async with home.pool.connection() as conn:
        await outbox.again(conn, invoice.id, home.team.id, ["a,b@example.org", "zoë@bücher.example"], NOW)

    async def compose(conn: Connection, about: Invoice, kind: str) -> Letter:
        return await short(conn, about, kind)

    async def broken(_: Connection, about: Invoice, kind: str) -> Letter:
        raise RuntimeError(f"no letter for {about.number} {kind}")

    assert await sent(home.pool, post(office.server, broken)) == "mails: 1 failed, 3 postponed"
    assert "no letter for" in caplog.text
    assert await sent(home.pool, post(office.server, compose), NOW + LATER) == "mails: 3 sent"
    assert sorted(office.recipients) == [OWNER, BILLING, "zoë@xn--bcher-kva.example"]
    (bad,) = [mail for mail in await log(home.pool) if mail.state == "failed"]
    assert (bad.recipient, bad.last_error) == ("a,b@example.org", "the address can't stand in a mail")


async def test_two_workers_at_once_send_each_mail_once(house: House, office: PostOffice) -> None:
    """Whoever takes one has it for a while."""
    invoice = await invoiced(house)
    addresses = [f"member{number}@example.org" for number in range(20)]
    async with house.pool.connection() as conn:
        await outbox.again(conn, invoice.id, house.team.id, addresses, NOW)
    said = await asyncio.gather(*(sent(house.pool, post(office.server)) for _ in range(3)))
    assert sorted(office.recipients) == sorted(addresses)
    assert sum(int(each.split()[1]) for each in said if each) == len(addresses)


async def test_a_worker_killed_before_it_marks_costs_one_mail_sent_again_under_the_same_id(
    house: House, office: PostOffice, any_database: str, tmp_path: Path
) -> None:
    """SIGKILL between the server's having it and our knowing: nobody else sends it for a while, then somebody does."""
    await mailed(house)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METER_")}
    told = {
        "DATABASE_URL": any_database,
        "METER_DATA_DIR": str(tmp_path),
        "METER_SMTP_URL": f"smtp://127.0.0.1:{office.port}",
        "METER_MAIL_FROM": SENDER.address,
        "METER_PUBLIC_URL": "https://usage.example.com",
        "METER_OVERDUE_DAYS": "off",
    }
    worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "meter", "work", env=kept | told)

    def kill(_: str) -> str:
        office.on_mail = lambda _: OK
        worker.kill()
        return OK

    office.on_mail = kill
    await worker.wait()
    how, now = post(office.server, overdue_days=()), datetime.now(UTC)
    during = await sent(house.pool, how, now)
    after = await sent(house.pool, how, now + 2 * LEASE)
    assert (during, after) == ("mails: 1 sent", "mails: 1 sent")
    assert office.recipients == [OWNER, BILLING, OWNER]
    ids = [office.read(at)["Message-ID"] for at in range(3)]
    assert ids[0] == ids[2] != ids[1]
    assert {state for _, state in await states(house.pool)} == {"sent"}


async def test_reminders_go_out_once_per_step(house: House, office: PostOffice) -> None:
    """A day, a week and two after it was due; none before, none twice; once it is paid a receipt, and none."""
    invoice = await mailed(house)
    assert invoice.due_at is not None
    due = invoice.due_at

    async def kinds(at: datetime) -> list[str]:
        office.mails.clear()
        await sent(house.pool, post(office.server), at)
        return [str(office.read(place)["Subject"]).split()[0] for place in range(len(office.mails))]

    assert await kinds(NOW) == ["Invoice"] * 2
    assert await kinds(due + timedelta(hours=23)) == []
    assert await kinds(due + timedelta(days=1)) == ["Reminder:"] * 2
    assert await kinds(due + timedelta(days=6)) == []
    assert await kinds(due + timedelta(days=7)) == ["Reminder:"] * 2
    assert [mail.kind for mail in await log(house.pool)] == ["invoice"] * 2 + ["overdue_1"] * 2 + ["overdue_2"] * 2
    async with house.pool.connection() as conn:
        await close(conn, invoice.public_id, "paid", "", NOW)
    assert await kinds(due + timedelta(days=30)) == ["Receipt"] * 2
    assert await kinds(due + timedelta(days=60)) == []


async def test_of_steps_that_were_missed_the_last_goes_out(home: House, office: PostOffice) -> None:
    """A worker that was away for a month reminds once."""
    invoice = await mailed(home)
    await sent(home.pool, post(office.server))
    assert invoice.due_at is not None
    for _ in range(2):
        await sent(home.pool, post(office.server), invoice.due_at + timedelta(days=30))
    assert [mail.kind for mail in await log(home.pool)] == ["invoice"] * 2 + ["overdue_3"] * 2


async def test_nobody_is_reminded_of_what_nobody_was_sent(house: House, office: PostOffice) -> None:
    """An invoice from before there was mail, and one where reminders are off."""
    invoice = await invoiced(house)
    assert invoice.due_at is not None
    assert await sent(house.pool, post(office.server), invoice.due_at + timedelta(days=30)) is None
    async with house.pool.connection() as conn:
        await outbox.again(conn, invoice.id, house.team.id, None, NOW)
    await sent(house.pool, post(office.server))
    how = post(office.server, overdue_days=())
    assert await sent(house.pool, how, invoice.due_at + timedelta(days=30)) is None


@pytest.mark.parametrize(
    ("status", "wanted"),
    [("paid", ["invoice"] * 2 + ["receipt"] * 2), ("void", []), ("uncollectible", ["invoice"] * 2)],
)
async def test_what_changed_before_it_went(house: House, office: PostOffice, status: Closed, wanted: list[str]) -> None:
    """No reminder of what is not open, no invoice that is void; what somebody asks for is sent whatever it is."""
    invoice = await mailed(house)
    async with house.pool.connection() as conn:
        await outbox.invoice(conn, invoice.id, house.team.id, "overdue_1", NOW)
        await close(conn, invoice.public_id, status, "", NOW)
    await sent(house.pool, post(office.server))
    done = [mail for mail in await log(house.pool) if mail.state == "sent"]
    assert [mail.kind for mail in done] == wanted
    skipped = [mail for mail in await log(house.pool) if mail.state == "skipped"]
    assert {mail.last_error for mail in skipped} == {f"the invoice is {status}"}
    async with house.pool.connection() as conn:
        await outbox.again(conn, invoice.id, house.team.id, None, NOW)
    assert await sent(house.pool, post(office.server)) == "mails: 2 sent"


@pytest.mark.parametrize("from_the_start", [False, True])
async def test_with_tls_user_and_password(home: House, tls: ssl.SSLContext, *, from_the_start: bool) -> None:
    """STARTTLS, or TLS from the start, then AUTH."""
    await mailed(home)
    async with opened(tls, from_the_start=from_the_start) as office:
        how = office.server._replace(user=USER, password=PASSWORD, tls=from_the_start)
        assert await sent(home.pool, post(how)) == "mails: 2 sent"
    assert office.secured == [True, True] or from_the_start  # TLS that is below it the server does not see


async def test_a_wrong_password_is_told_and_not_shown(
    home: House, tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """The job fails with the server's words; mail waits."""
    caplog.set_level(logging.DEBUG)
    await mailed(home)
    async with opened(tls) as office:
        how = office.server._replace(user=USER, password="wr0ngword")
        with pytest.raises(AwayError, match="535") as caught:
            await sent(home.pool, post(how))
    said = f"{caught.value} {await log(home.pool)} {caplog.text}"
    assert "wr0ngword" not in said
    assert {state for _, state in await states(home.pool)} == {"queued"}


async def test_no_password_goes_over_an_open_wire(office: PostOffice, tls: ssl.SSLContext) -> None:
    """A server elsewhere must offer TLS, and have a certificate that somebody vouches for."""

    class Elsewhere(Server):
        @property
        def is_here(self) -> bool:
            return False

    asked = ["127.0.0.1", office.port, USER, PASSWORD, False]
    async with Session(Elsewhere._make(asked)) as session:
        with pytest.raises(AwayError, match=r"(?i)starttls"):
            await session.send("a@example.org", "b@example.org", b"x")
    async with opened(tls) as secure, Session(Elsewhere._make([*asked[:1], secure.port, *asked[2:]])) as session:
        with pytest.raises(AwayError, match=r"(?i)certificate"):
            await session.send("a@example.org", "b@example.org", b"x")
    assert office.mails == secure.mails == []


async def test_a_sender_that_is_refused_is_our_mistake_and_not_the_mails(home: House, office: PostOffice) -> None:
    """The job fails and says which setting; mail waits."""

    class Strict(PostOffice):
        async def handle_MAIL(self, *_: object) -> str:  # noqa: N802 - the server's name for it
            return "553 5.7.1 not your address"

    await mailed(home)
    strict = Strict()
    office.__class__ = strict.__class__
    with pytest.raises(AwayError, match="METER_MAIL_FROM: 553"):
        await sent(home.pool, post(office.server))
    assert {state for _, state in await states(home.pool)} == {"queued"}


async def test_many_mails_take_the_memory_of_one(home: House, office: PostOffice) -> None:
    """A thousand with a file of 100 kB each, over one connection."""
    pool = home.pool
    invoice = await invoiced(home)
    async with pool.connection() as conn:
        await outbox.again(conn, invoice.id, home.team.id, [f"m{number}@example.org" for number in range(MANY)], NOW)
        assert await one(conn, "select count(*) from mail where state = 'queued'") == MANY
    office.keeps = False
    memory = psutil.Process().memory_info

    async def compose(conn: Connection, about: Invoice, kind: str) -> Letter:
        return (await short(conn, about, kind))._replace(pdf=b"%PDF-" + bytes(LARGE))

    await sent(pool, post(office.server), NOW - LATER)  # what is loaded once is
    before = memory().rss
    assert await sent(pool, post(office.server, compose)) == f"mails: {MANY} sent"
    assert len(set(office.recipients)) == MANY
    assert memory().rss - before < MANY * LARGE / 2

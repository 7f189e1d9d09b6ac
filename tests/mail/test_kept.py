"""The log of mail goes by age: what nothing more is tried of, once nobody can be reminded of its invoice any more."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from meter.invoicing import change
from meter.mail import outbox
from meter.retention import rows, run
from meter.retention.rows import Rows
from meter.retention.words import of_look
from meter.settings import load
from tests.billing.house import NOW, House
from tests.contract.keeping import settings
from tests.mail.letters import invoiced, log

PLAIN = load({})
AFTER = NOW + timedelta(days=400, seconds=1)


async def test_what_is_done_goes_and_what_waits_stays(house: House) -> None:
    """Two mails of an invoice that is open, then void: the sent one goes, the other as soon as it is given up."""
    invoice = await invoiced(house)
    async with house.pool.connection() as conn:
        await outbox.again(conn, invoice.id, house.team.id, ["ann@example.com", "bob@example.com"], NOW)
        await conn.execute(
            "update mail set state = 'sent', sent_at = %s, next_at = null where recipient like 'ann%%'", (NOW,)
        )
        assert await rows.drop(conn, PLAIN, AFTER) == Rows()  # who was told decides whether somebody is reminded
        async with conn.transaction():
            await change.close(conn, invoice.public_id, "void", "for a test", NOW)
        assert await rows.drop(conn, PLAIN, AFTER - timedelta(seconds=1)) == Rows()
        assert await rows.due(conn, msgspec.structs.replace(PLAIN, keep_mail_days=0), AFTER) == Rows()
        assert await rows.due(conn, PLAIN, AFTER) == Rows(mail=1)
        assert "to be dropped: 1 mails" in of_look(await run.look(conn, settings(), AFTER))
        assert await rows.drop(conn, PLAIN, AFTER) == Rows(mail=1)
        assert [each.recipient for each in await log(house.pool)] == ["bob@example.com"]
        await conn.execute("update mail set state = 'failed', next_at = null")
        assert await rows.drop(conn, PLAIN, AFTER) == Rows(mail=1)
        assert await log(house.pool) == []

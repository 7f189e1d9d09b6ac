"""A real mail server in the loop of the test, which does with each mail what the test says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from meter.mail.server import Server

OK = "250 taken"
USER, PASSWORD = "meter", "s3cret/%:@ word"


@dataclass
class PostOffice:
    """What came in, as sent; `on_recipient` and `on_mail` answer for the server (OK, or a refusal).

    A connection that `on_mail` answers with "" is cut in the middle of its mail.
    """

    port: int = 0
    mails: list[tuple[str, bytes]] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)
    on_recipient: Callable[[str], str] = lambda _: OK
    on_mail: Callable[[str], str] = lambda _: OK
    keeps: bool = True

    @property
    def server(self) -> Server:
        """Where it is."""
        return Server("127.0.0.1", self.port, None, None, tls=False)

    @property
    def recipients(self) -> list[str]:
        """Who got mail, in order."""
        return [recipient for recipient, _ in self.mails]

    def read(self, at: int = -1) -> EmailMessage:
        """A mail that came in, parsed."""
        parsed = message_from_bytes(self.mails[at][1], policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    async def handle_RCPT(  # noqa: N802 - the server's name for it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        del server, session, options
        said = self.on_recipient(address)
        if said == OK:
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Take a mail, or not."""
        (recipient,) = envelope.rcpt_tos
        said = self.on_mail(recipient)
        if not said:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        if said == OK:
            content = envelope.original_content or b""
            self.mails.append((recipient, content if self.keeps else b""))
            self.secured.append(session.ssl is not None)
        return said or OK


def _knows(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    del server, session, envelope, mechanism
    known = isinstance(data, LoginPassword) and data == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=known, handled=known)


@asynccontextmanager
async def opened(tls: ssl.SSLContext | None = None, *, from_the_start: bool = False) -> AsyncIterator[PostOffice]:
    """An open post office; with `tls` it asks for STARTTLS (or speaks nothing else) and for USER and PASSWORD."""
    office = PostOffice()

    def connected() -> SMTP:
        return SMTP(
            office,
            hostname="mail.test",
            enable_SMTPUTF8=True,
            tls_context=None if from_the_start else tls,
            require_starttls=tls is not None and not from_the_start,
            auth_required=tls is not None and not from_the_start,
            auth_require_tls=not from_the_start,  # it does not see the TLS that is below it
            authenticator=_knows if tls is not None else None,
        )

    loop = asyncio.get_running_loop()
    listening = await loop.create_server(connected, "127.0.0.1", 0, ssl=tls if from_the_start else None)
    office.port = listening.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        listening.close()
        await listening.wait_closed()

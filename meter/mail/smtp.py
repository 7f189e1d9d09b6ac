"""Speaks to the mail server: one connection for many mails, and each refusal for what it is."""

from __future__ import annotations

import ssl
from contextlib import suppress
from types import TracebackType
from typing import Self

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from meter.mail.server import Server
from meter.mail.words import one_line

TIMEOUT_S = 30.0
PERMANENT = 500
TOO_LARGE = 552
CLOSING = 421


class RefusedError(Exception):
    """The server won't take this mail, however often it is sent."""


class LaterError(Exception):
    """This mail was not taken, and may be another time."""


class AwayError(Exception):
    """No mail at all can be sent now: the server can't be reached, or does not let us in."""


class Session:
    """A connection to a mail server, opened by the first mail and again where it was lost. Use with `async with`."""

    def __init__(self, server: Server, timeout_s: float = TIMEOUT_S) -> None:
        """Sends through `server`, waiting `timeout_s` for each of its answers."""
        self._server = server
        self._smtp = _client(server, timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._smtp.is_connected:
            with suppress(SMTPException, OSError):  # what was sent is sent
                await self._smtp.quit()
        self._smtp.close()

    async def send(self, sender: str, recipient: str, message: bytes) -> None:
        """Hands a mail over; when this returns the server has it.

        Raises:
            RefusedError: it won't be taken (5xx).
            LaterError: it was not taken this time (4xx, or the connection broke).
            AwayError: the server can't be used at all.
        """
        await self._connect()
        plain = recipient.isascii()
        try:
            await self._smtp.sendmail(sender, [recipient], message, mail_options=[] if plain else ["SMTPUTF8"])
        except SMTPRecipientsRefused as error:
            self._raise(error.recipients[0])
        except SMTPSenderRefused as error:
            if error.code == TOO_LARGE:
                raise RefusedError(self._said(error)) from None
            raise AwayError(f"the server refuses METER_MAIL_FROM: {self._said(error)}") from None
        except SMTPResponseException as error:
            self._raise(error)
        except (SMTPNotSupported, ValueError):
            raise RefusedError("the server takes no such address") from None
        except (SMTPException, OSError, TimeoutError) as error:
            self._smtp.close()
            raise LaterError(self._said(error)) from None

    async def _connect(self) -> None:
        if self._smtp.is_connected:
            return
        try:
            await self._smtp.connect()
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            self._smtp.close()
            raise AwayError(f"{self._server.host}:{self._server.port}: {self._said(error)}") from None

    def _raise(self, error: SMTPResponseException) -> None:
        if error.code == CLOSING:
            self._smtp.close()
        kind = RefusedError if error.code >= PERMANENT else LaterError
        raise kind(self._said(error)) from None

    def _said(self, error: BaseException) -> str:
        """What the server said, in one line and without the password."""
        if isinstance(error, SMTPServerDisconnected):
            said = "the connection was lost"
        elif isinstance(error, SMTPResponseException):
            said = f"{error.code} {error.message}"
        else:
            said = f"{error}" or type(error).__name__
        if self._server.password:
            said = said.replace(self._server.password, "…")
        return one_line(said)


def _client(server: Server, timeout_s: float) -> SMTP:
    """TLS is a must, with a certificate that holds, but on this machine: there it is used where it is offered."""
    context = ssl.create_default_context()
    if server.is_here:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    start_tls = False if server.tls else None if server.is_here else True  # None: where it is offered
    return SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.tls,
        start_tls=start_tls,
        tls_context=context,
        timeout=timeout_s,
    )

"""Where mail goes out: the mail server and the sender, as settings write them. Pure."""

from __future__ import annotations

import re
from email.utils import parseaddr
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

SUBMISSION_PORT, TLS_PORT = 587, 465
SCHEMES = ("smtp", "smtps")
ADDRESS = re.compile(r"[^@\s<>\"(),:;\\\x00-\x1f\x7f]+@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
HOST = re.compile(r"[a-z0-9_.:-]+", re.IGNORECASE)


class Server(NamedTuple):
    """A mail server. `tls`: it speaks nothing else (smtps). Printed without the password."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool

    def __repr__(self) -> str:
        return f"Server({self.host!r}, {self.port})"

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine, where nobody listens between."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


class Sender(NamedTuple):
    """Who mail comes from; without a name it is the seller's."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """What follows the @."""
        return self.address.rpartition("@")[2]


def server_of(url: str) -> Server:
    """The server of smtp://user:password@host:port or smtps://…; what is special in user and password is %-encoded.

    Raises ValueError for any other text; its words have nothing of it.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError
    host = parts.hostname or ""
    if not HOST.fullmatch(host):
        raise ValueError
    tls = parts.scheme == "smtps"
    user, password = (None if text is None else unquote(text) for text in (parts.username, parts.password))
    if (user is None) != (password is None) or user == "":
        raise ValueError
    return Server(host, _port(parts) or (TLS_PORT if tls else SUBMISSION_PORT), user, password, tls)


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ValueError from None  # its words quote the URL


def sender_of(text: str) -> Sender:
    """The sender of `Billing <billing@example.com>` or the address alone. Raises ValueError for any other text."""
    name, address = parseaddr(text)
    if not text.isprintable() or not ADDRESS.fullmatch(address):
        raise ValueError(text)
    return Sender(name, address)

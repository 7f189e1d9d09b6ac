"""Who is in the demo? Three companies, one on each demo book, with their people and what they run."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from meter.demo.history import Stream, chat, cpu, memory, paper, web

DATABASE_AFTER = timedelta(weeks=3)  # a service that is new halfway shows in every trend


class Company(NamedTuple):
    """A team to be: what to call it, where it is, what it pays by, its owner, and its usage."""

    slug: str
    name: str
    timezone: str
    plan: str
    owner: str
    streams: tuple[Stream, ...]

    @property
    def email(self) -> str:
        """Where its owner would get mail."""
        return f"{self.owner}@{self.slug}.example"


COMPANIES: tuple[Company, ...] = (
    Company(
        "harbour",
        "Harbour Cloud",
        "Europe/Berlin",
        "cloud/payg",
        "alice",
        (
            cpu("checkout", "alice", 7.0, (4, 8, 12, 16, 24)),
            memory("checkout", "alice", 16_384, 0.34),
            cpu("database", "bob", 5.0, (16,))._replace(begins_after=DATABASE_AFTER),
            memory("database", "bob", 65_536, 0.61)._replace(begins_after=DATABASE_AFTER),
            web("checkout", "alice", 72_000),
            web("admin", "bob", 4_500),
        ),
    ),
    Company(
        "lantern",
        "Lantern AI",
        "America/New_York",
        "credits/payg",
        "carol",
        (
            chat("assistant", ("carol", "dan", "erin", "frank"), 9, ("atlas-large", "atlas-small", "quill-2")),
            chat("search", ("erin", "frank", "grace"), 4, ("atlas-small", "quill-2")),
        ),
    ),
    Company(
        "paperplane",
        "Paperplane",
        "Asia/Kolkata",
        "calls/pro",
        "heidi",
        (paper("documents", ("heidi", "ivan", "judy", "mallory", "niaj"), 14),),
    ),
)

"""Which database does a command work on? DATABASE_URL, else the embedded one, running for as long as the command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from meter.settings import Settings, SettingsError


@contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database in them: DATABASE_URL, else the embedded one, which runs while we are inside."""
    from meter.embedded import running

    if settings.database_url is not None:
        yield settings
        return
    with running(settings.data_dir) as url:
        yield msgspec.structs.replace(settings, database_url=url)


def url_of(settings: Settings) -> str:
    """The database's URL. Raises SettingsError outside `database`."""
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL is not set")
    return settings.database_url


async def make_ready(settings: Settings, *, is_ours: bool) -> None:
    """Migrates an embedded database; of any other, which others may use too, only sees that it is current.

    Raises MigrationError, which says what to run.
    """
    from meter.database import connect
    from meter.migrate import check_current, migrate

    async with await connect(url_of(settings), autocommit=True) as conn:
        if is_ours:
            await migrate(conn)
        else:
            await check_current(conn)

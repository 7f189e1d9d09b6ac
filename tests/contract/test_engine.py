"""The engine under test is the one that the test's name says."""

from __future__ import annotations

from tests.contract.place import Place, ask

TESTED = ("2.29.",)
TABLE, PARTITIONED, VIEW = "r", "p", "v"


async def test_engine_is_the_one_it_says(place: Place) -> None:
    """TimescaleDB of a version we know, with its aggregates; or plain tables and partitions without the extension."""
    async with place.pool.connection() as conn:
        engine, raw, rolled, version, licence = (await ask(conn, "describe_engine"))[0]
    assert engine == place.engine
    if engine == "postgres":
        assert (raw, rolled, version) == (PARTITIONED, TABLE, None)
    else:
        assert (raw, rolled, licence) == (TABLE, VIEW, "timescale")
        assert version.startswith(TESTED)

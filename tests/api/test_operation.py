"""What operators see: health, metrics, the operator's key, and a service that refuses to start."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from meter import checks
from meter.database import connect
from meter.keys import FORM, OPERATOR_FILE, ensure_operator, find_one
from meter.migrate import MigrationError
from meter.settings import SettingsError
from tests.api.site import Site, served, settings_for

NOW = datetime(2026, 11, 20, tzinfo=UTC)


async def test_health_says_how_far_behind_the_buckets_are(database: str, tmp_path: Path) -> None:
    """Without a worker the lag grows from the first event on; the service is healthy all the same."""
    async with served(settings_for(database, tmp_path)) as site, site.client(None) as client:
        idle = (await client.get("/v1/health")).json()
        key = await site.make_key(await site.make_team(), "ingest")
        await site.post(
            "/v1/events", {"meter": "requests", "quantity": 1, "id": "1", "time": "2026-11-01T00:00:00Z"}, key
        )
        site.clock.ahead += site.clock.ahead.resolution * 90_000_000
        behind = (await client.get("/v1/health")).json()
    assert idle == {"status": "ok", "bucket_lag_seconds": 0}
    assert behind["status"] == "ok"
    assert behind["bucket_lag_seconds"] > 80


async def test_health_is_503_while_it_cant_work(database: str, tmp_path: Path) -> None:
    """A schema that is not current, and a database that is gone, are told apart."""
    async with served(settings_for(database, tmp_path)) as site, site.client(None) as client:
        async with await connect(database, autocommit=True) as conn:
            await conn.execute("update migration set sha256 = 'other' where number = 1")
        changed = await client.get("/v1/health")
        name = str(conninfo_to_dict(database)["dbname"])
        async with await connect(make_conninfo(database, dbname="postgres"), autocommit=True) as conn:
            await conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
            await conn.execute(sql.SQL("create database {} with allow_connections false").format(sql.Identifier(name)))
        gone = await client.get("/v1/health")
        metrics = await client.get("/metrics")
    assert (changed.status_code, changed.json()["status"]) == (503, "schema_not_current")
    assert (gone.status_code, gone.json()["status"]) == (503, "database_unreachable")
    assert gone.json()["bucket_lag_seconds"] is None
    assert "hourmeter_bucket_lag_seconds NaN" in metrics.text


async def samples(site: Site) -> dict[tuple[str, str], float]:
    """Answer the scraped samples: name and labels to value."""
    async with site.client(None) as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(answer.text)
    found = [sample for family in families for sample in family.samples]
    return {(each.name, " ".join(f"{k}={v}" for k, v in sorted(each.labels.items()))): each.value for each in found}


async def test_metrics_count_events_and_requests(site: Site) -> None:
    """Each receipt adds to the counters, each request to its route's histogram, whatever the path says."""
    key = await site.make_key(await site.make_team(), "ingest")
    before = await samples(site)
    event = {"meter": "requests", "quantity": 1, "id": "1", "time": "2026-11-01T00:00:00Z"}
    for _ in range(2):
        await site.post("/v1/events", [event, {"meter": "nope"}], key)
    async with site.client() as client:
        for path in ("/no/such/path", "/v1/teams/01a1f86a-d0a4-7768-9cd5-2295fb4deaa6"):
            await client.get(path)
        await client.request("BREW", "/v1/teams")
    after = await samples(site)

    def grown(name: str, labels: str) -> float:
        return after[name, labels] - before.get((name, labels), 0)

    outcomes = [
        grown("hourmeter_events_total", f"outcome={each} process=0") for each in ("accepted", "duplicate", "rejected")
    ]
    assert outcomes == [1, 1, 2]
    count = "hourmeter_request_seconds_count"
    assert grown(count, "method=POST process=0 route=/v1/events status=200") == 2
    assert grown(count, "method=GET process=0 route=/v1/teams/{team_id} status=404") == 1
    assert grown(count, "method=GET process=0 route=unmatched status=404") == 1
    assert grown(count, "method=other process=0 route=unmatched status=405") == 1
    assert after["hourmeter_pool_connections", "pool=main process=0 state=idle"] >= 0


async def test_the_operator_sees_what_the_checks_found(database: str, tmp_path: Path) -> None:
    """Nothing before a worker has looked; then each check's last result, and a gauge for each."""
    finding = checks.Finding("b", "B holds.", [{"meter": "requests"}], None, 0.5)
    async with served(settings_for(database, tmp_path)) as site, site.client() as client:
        before = (await client.get("/v1/operator/doctor")).json()
        async with await connect(database, autocommit=True) as conn:
            await checks.keep(conn, [checks.Finding("a", "A holds.", []), finding], NOW)
        after = (await client.get("/v1/operator/doctor")).json()
        found = await samples(site)
    assert before == {"items": [], "next": None}
    assert after["items"][1] == {
        "name": "b", "says": "B holds.", "holds": False, "unfinished": None, "rows": [{"meter": "requests"}],
        "took_ms": 500, "at": "2026-11-20T00:00:00Z",
    }  # fmt: skip
    assert [found["hourmeter_check_holds", f"check={name}"] for name in "ab"] == [1, 0]


async def test_an_operator_key_is_made_once_and_kept_in_a_file(database: str, tmp_path: Path) -> None:
    """On first start only, readable by its owner alone; the key in the file is the one that works."""
    file = tmp_path / "new" / OPERATOR_FILE
    async with await connect(database, autocommit=True) as conn:
        await ensure_operator(conn, None, file.parent, NOW)
        key = file.read_text().strip()
        caller = await find_one(conn, key, NOW)
        file.unlink()
        await ensure_operator(conn, None, file.parent, NOW)
        count = await (await conn.execute("select count(*) from api_key")).fetchone()
    assert FORM.fullmatch(key)
    assert caller is not None
    assert caller.is_operator
    assert (count, file.exists()) == ((1,), False)


async def test_the_operator_key_file_is_private_and_used_again(database: str, tmp_path: Path) -> None:
    """A crash between file and commit leaves a file whose key the next start takes."""
    async with await connect(database, autocommit=True) as conn:
        await ensure_operator(conn, None, tmp_path, NOW)
        key = (tmp_path / OPERATOR_FILE).read_text().strip()
        mode = (tmp_path / OPERATOR_FILE).stat().st_mode & 0o777
        await conn.execute("delete from api_key")
        await ensure_operator(conn, None, tmp_path, NOW)
        assert await find_one(conn, key, NOW) is not None
    assert mode == 0o600 or os.name != "posix"


async def test_an_operator_key_file_without_a_key_is_told(database: str, tmp_path: Path) -> None:
    """An empty file is not taken for a key that anybody could guess."""
    (tmp_path / OPERATOR_FILE).write_text("\n")
    async with await connect(database, autocommit=True) as conn:
        with pytest.raises(SettingsError, match="holds no key"):
            await ensure_operator(conn, None, tmp_path, NOW)


async def test_a_given_operator_key_is_stored_once(database: str, tmp_path: Path) -> None:
    """The setting's key works beside earlier ones, is stored as a hash, and revoked it stays revoked."""
    file = tmp_path / OPERATOR_FILE
    given = "hm_a_key_that_somebody_chose_for_themselves"
    async with await connect(database, autocommit=True) as conn:
        for _ in range(2):
            await ensure_operator(conn, given, tmp_path, NOW)
        caller = await find_one(conn, given, NOW)
        rows = await (await conn.execute("select s::text from api_key_secret s")).fetchall()
        await conn.execute("update api_key set revoked_at = now()")
        await ensure_operator(conn, given, tmp_path, NOW)
        revoked = await find_one(conn, given, NOW)
    assert caller is not None
    assert (len(rows), revoked) == (1, None)
    assert given[11:] not in rows[0][0]
    assert not file.exists()


async def test_no_service_on_a_database_that_is_not_current(database: str, tmp_path: Path) -> None:
    """It says what to run and takes no request."""
    async with await connect(database, autocommit=True) as conn:
        await conn.execute("delete from migration where number > 2")
    with pytest.raises(MigrationError, match="meter migrate"):
        async with served(settings_for(database, tmp_path)):
            pytest.fail("it serves")


async def test_no_service_without_a_database(tmp_path: Path) -> None:
    """The composition root starts an embedded server and says where; without either there is nothing to serve."""
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        async with served(settings_for("", tmp_path, database_url=None)):
            pytest.fail("it serves")


async def test_no_second_service_at_the_same_address(site: Site, database: str, tmp_path: Path) -> None:
    """A port that is taken is told, never shared: half of all requests would go to each."""
    with pytest.raises(SettingsError, match="METER_PORT"):
        async with served(settings_for(database, tmp_path, port=site.settings.port)):
            pytest.fail("it serves")

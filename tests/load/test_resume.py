"""An import that is killed, repeated, stopped or refused leaves exact totals, and each rejected row once."""

from __future__ import annotations

import os
import shutil
import signal
import time
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.load.importer import Importer, Totals, counted
from tests.served import Service

pytestmark = pytest.mark.slow
ROWS = 60_000
BAD_EVERY = 997
MAKE = """
copy (
  select case when i % 997 = 5 then '2026-11-01T00:00:00'  -- no zone: rejected
              else strftime(timestamp '2026-11-01' + interval (i * 7) millisecond, '%Y-%m-%dT%H:%M:%S.%fZ') end as ts,
         'user-' || (i % 11) as who, 'model "' || (i % 3) || '"' as model,
         case when i % 997 = 6 then '-1' else (i % 1000 / 1000.0)::decimal(12, 3)::varchar end as n
  from range(60000) t(i)
) to 'FILE' (header, delimiter ',')
"""
COUNT = """
select who, model, sum(n::decimal(38, 3)), count(*)
from read_csv('FILE', all_varchar = true) where ts like '%Z' and n not like '-%' group by all
"""
OPTIONS = ("--map", "time=ts", "--map", "member=who", "--map", "dimensions.model=model", "--map", "quantity=n",
           "--set", "meter=tokens.input", "--batch", "1000")  # fmt: skip


def made(importer: Importer, name: str = "usage.csv") -> Path:
    """A file of ROWS rows, some of which can't be taken."""
    file = importer.directory / name
    duckdb.sql(MAKE.replace("FILE", str(file)))
    return file


def expected(file: Path) -> Totals:
    """What DuckDB makes of the rows that can be taken."""
    return counted(COUNT.replace("FILE", str(file)), "who", "model")


def bad_rows() -> list[int]:
    """The numbers of those."""
    return [i + 1 for i in range(ROWS) if i % BAD_EVERY in (5, 6)]


def test_killed_three_times_and_equal_to_duckdb(importer: Importer) -> None:
    """Kill -9 at three places: the same command ends with the totals DuckDB has, and every reject once, in order."""
    file = made(importer)
    reached = [importer.kill_after(file, rows, *OPTIONS) for rows in (1_000, 15_000, 30_000)]
    assert reached == sorted(set(reached))
    assert reached[-1] < ROWS
    with file.with_name("usage.csv.rejects.ndjson").open("ab") as after_the_state:
        after_the_state.write(b'{"row":59999,"code":"written just before the kill"}\n{"row":')
    ended = importer.run(file)  # what was given is kept, so the file's name is enough … but for the size of batches
    assert ended.code == 1, ended
    assert f"going on after {reached[-1]:,} rows" in ended.err
    assert importer.totals("tokens.input", "member", "model") == expected(file)
    assert [bad["row"] for bad in importer.rejects(file)] == bad_rows()
    accepted, duplicates, rejected = importer.tally(file)
    assert accepted + duplicates + sum(rejected.values()) == ROWS


def test_twice_counts_once(importer: Importer) -> None:
    """The same file again, a copy of it elsewhere, and one without its state: duplicates, and the same totals."""
    file = made(importer)
    assert importer.run(file, *OPTIONS).code == 1
    good = ROWS - len(bad_rows())
    before = importer.totals("tokens.input", "member", "model")
    assert importer.tally(file)[:2] == (good, 0)
    copy = importer.directory / "copy.csv"
    shutil.copyfile(file, copy)
    for again in (file, copy):
        ended = importer.run(again, *OPTIONS)
        assert ended.code == 1, ended
        assert importer.tally(again)[:2] == (0, good)
        assert [bad["row"] for bad in importer.rejects(again)] == bad_rows()
    assert importer.totals("tokens.input", "member", "model") == before


def test_a_changed_file_is_refused(importer: Importer) -> None:
    """Rows added to a file without ids would count again: refused, and the way it names counts the old ones once."""
    file = importer.write("day.csv", "time,meter,quantity\n2026-11-01T00:00:00Z,requests,1\n")
    assert importer.run(file).code == 0
    with file.open("a") as more:
        more.write("2026-11-01T00:00:01Z,requests,2\n")
    ended = importer.run(file)
    assert (ended.code, "has changed" in ended.err) == (2, True), ended
    source = importer.state(file)["source"]
    assert f"--restart --source {source}" in ended.err
    assert importer.run(file, "--restart", "--source", source).code == 0
    assert importer.tally(file) == (1, 1, {})
    assert importer.totals("requests") == {(): (Decimal(3), 2)}


def test_a_column_of_ids_is_what_counts(importer: Importer) -> None:
    """With ids of their own, rows may come in another file and order; one with another quantity is a conflict."""
    head = "id,time,meter,quantity\n"
    rows = [f"call-{n},2026-11-01T00:00:0{n}Z,requests,{n}\n" for n in range(5)]
    assert importer.run(importer.write("a.csv", head + "".join(rows))).code == 0
    changed, nameless = rows[3].replace(",3", ",4"), rows[1].removeprefix("call-1")
    other = importer.write("b.csv", head + "".join(reversed(rows)) + changed + nameless)
    ended = importer.run(other)
    assert ended.code == 1, ended
    assert importer.tally(other) == (0, 5, {"id_conflict": 1, "identity_missing": 1})
    assert importer.totals("requests") == {(): (Decimal(10), 5)}


def test_asked_to_stop_it_says_how_to_go_on(importer: Importer) -> None:
    """Ctrl-C: what is under way is finished and written down, exit code 2, and the same command completes it."""
    file = made(importer)
    with importer.running(file, *OPTIONS) as process:
        while importer.position(file) < 2_000:
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 2, (out, err)
    stopped = importer.position(file)
    assert f"stopped after {stopped:,} rows; the same command goes on from there" in out
    assert 2_000 <= stopped < ROWS
    assert importer.run(file, *OPTIONS).code == 1
    assert importer.totals("tokens.input", "member", "model") == expected(file)


def test_service_away_and_back(importer: Importer, service: Service) -> None:
    """A service killed in the middle is waited for, which is said; nothing is lost or doubled."""
    file = made(importer)
    with importer.running(file, *OPTIONS) as process:
        while importer.position(file) < 2_000:
            assert process.poll() is None
            time.sleep(0.001)
        service.kill()
        assert process.stderr is not None
        first = next(line for line in process.stderr if "trying again" in line)
        service.start()
        out, _ = process.communicate(timeout=120)
    assert "can't be reached" in first
    assert process.returncode == 1, out
    assert importer.totals("tokens.input", "member", "model") == expected(file)


def test_what_stops_at_once(importer: Importer, service: Service) -> None:
    """A wrong key, a service that is not there, another mapping half-way: exit code 2, and what to do."""
    file = importer.write("a.csv", "time,meter,quantity\n2026-11-01T00:00:00Z,requests,1\n")
    key = importer.directory / "key"
    key.write_text("hm_nosuch00_" + "x" * 43)
    ended = importer.run(file, "--key-file", str(key))
    assert (ended.code, "401" in ended.err) == (2, True), ended
    service.stop()
    ended = importer.run(file, "--patience", "0")
    assert (ended.code, "can't be reached" in ended.err, "gave up" in ended.err) == (2, True, True), ended
    assert "the same command goes on" in ended.err
    service.start()
    half = made(importer)
    importer.kill_after(half, 1_000, *OPTIONS)
    ended = importer.run(half, *OPTIONS, "--set", "service=chat")
    assert (ended.code, "another mapping" in ended.err, "--restart" in ended.err) == (2, True, True), ended


def test_a_service_that_takes_less_at_once(importer: Importer, tmp_path: Path) -> None:
    """Bodies that are too large are cut until they fit; the rows of rejects stay right."""
    rows = [
        f"2026-11-01T00:00:{n % 60:02}Z,{'requests' if n % 100 else 'nothing'},1,{'x' * 7000}\n" for n in range(10_000)
    ]
    file = importer.write("wide.csv", "time,meter,quantity,attributes.text\n" + "".join(rows))
    ended = importer.run(file)
    assert ended.code == 1, ended
    assert importer.tally(file) == (9_900, 0, {"unknown_meter": 100})
    assert [bad["row"] for bad in importer.rejects(file)] == list(range(1, 10_001, 100))
    assert os.fspath(tmp_path) in ended.out


def test_two_at_once_are_refused(importer: Importer) -> None:
    """While one import of a file runs, another does not begin."""
    file = made(importer)
    with importer.running(file, *OPTIONS) as process:
        while importer.position(file) < 1_000:
            assert process.poll() is None
        process.send_signal(signal.SIGSTOP)  # it would be done before the other one has begun
        ended = importer.run(file, *OPTIONS)
        assert (ended.code, "another import" in ended.err) == (2, True), ended
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.communicate(timeout=60)


def test_no_file_of_somebody_is_written_over(importer: Importer) -> None:
    """What is imported, and rejects of another import, are left as they are."""
    content = "time,meter,quantity\n2026-11-01T00:00:00Z,requests,-1\n"
    first, second = importer.write("first.csv", content), importer.write("second.csv", content)
    shared = ("--rejects", str(importer.directory / "rejects.ndjson"))
    for option in ("--rejects", "--state", "--mapping"):
        ended = importer.run(first, option, str(first))
        assert ended.code not in (0, 1), ended
        assert "four files" in ended.err
    assert first.read_text() == content
    assert importer.run(first, *shared).code == 1
    kept = Path(shared[1]).read_bytes()
    ended = importer.run(second, *shared)
    assert "not of this import" in ended.err
    assert Path(shared[1]).read_bytes() == kept
    assert importer.run(first, *shared).code == 1  # its own are found again
    assert Path(shared[1]).read_bytes() == kept

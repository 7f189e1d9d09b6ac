"""Files of every format become the events they say, once, and what can't is told with its row."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import zstandard

from tests.load.importer import Importer

pytestmark = pytest.mark.slow
CSV = (
    b"\xef\xbb\xbfts;user;calls;note\r\n"
    b'2026-11-01T00:00:00Z;"a;""b""\n2";5;x\r\n'
    b"\r\n"
    b"2026-11-01 01:00:01+01:00;b;0.10;\r\n"
    b"only two;cells\r\n"
    b"2026-11-01T00:00:02;b;7;a time without a zone\r\n"
    b"2026-11-01T00:00:03Z;\xff;7;not UTF-8\r\n"
    b"2026-11-01T00:00:04Z;c;minus one;no number\r\n"
    b"2026-11-01T00:00:05Z;c;1000000000000000000000001;big"
)
OPTIONS = ("--map", "time=ts", "--map", "member=user", "--map", "quantity=calls", "--set", "meter=requests")


def test_csv_as_spreadsheets_write_it(importer: Importer) -> None:
    """BOM, semicolons, quotes, line ends in cells, blank lines: taken; broken rows: told with number and content."""
    file = importer.write("usage.csv", CSV)
    ended = importer.run(file, *OPTIONS, "--map", "attributes.note=note")
    assert ended.code == 1, ended
    assert importer.tally(file) == (3, 0, {"invalid_event": 2, "invalid_time": 1, "invalid_quantity": 1})
    assert importer.totals("requests", "member") == {
        ('a;"b"\n2',): (Decimal(5), 1),
        ("b",): (Decimal("0.1"), 1),
        ("c",): (Decimal(10**24 + 1), 1),
    }
    found = importer.rejects(file)
    assert [(bad["row"], bad["code"]) for bad in found] == [
        (3, "invalid_event"), (4, "invalid_time"), (5, "invalid_event"), (6, "invalid_quantity")
    ]  # fmt: skip
    assert found[0]["record"] == ["only two", "cells"]
    assert found[1]["record"]["note"] == "a time without a zone"
    assert found[2]["record"][1] == "\\xff"
    assert "invalid_quantity" in ended.out


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_packed_text(importer: Importer, ending: str) -> None:
    """CSV in gzip or zstd, in several parts, is the same rows; cut short, it is refused and nothing passes as whole."""
    plain = b"time,meter,quantity\n" + b"".join(
        b"2026-11-01T00:00:%02dZ,requests,%d\n" % (n % 60, n) for n in range(500)
    )
    pack = gzip.compress if ending == ".gz" else zstandard.compress
    packed = pack(plain[:4000]) + pack(plain[4000:])
    file = importer.write(f"usage.csv{ending}", packed)
    assert importer.run(file, "--batch", "100").code == 0
    assert importer.totals("requests") == {(): (Decimal(sum(range(500))), 500)}
    short = importer.write(f"short.csv{ending}", packed[:-40])
    ended = importer.run(short)
    assert ended.code == 2
    assert "can't be" in ended.err


def test_ndjson_with_objects_inside(importer: Importer) -> None:
    """Paths name what is inside; numbers keep their digits; an unknown key is told, not lost; attributes stay."""
    rows = [
        {"at": 1793491200123, "usage": {"in": 3, "out": 4}, "model": "small", "attributes": {"s": {"deep": [1, None]}}},
        {"at": 1793491201000, "usage": {"in": 12345678901234567890, "out": None}, "model": None},
        {"at": 1793491202000, "usage": {"in": 1, "out": 1}, "model": "small", "surprise": True},
        {"at": "yesterday", "usage": {"in": 1, "out": 1}},
    ]
    lines = [json.dumps(row) for row in rows]
    lines.insert(2, '{"at": 1793491203000, "usage": {"in": 0.1000000000001, "out": 2}, "model": "x\\u00e9\\"y"')
    lines.insert(3, '{"at": 1793491203000, "usage": {"in": 0.100000000001, "out": 2}, "model": "x\\u00e9\\"y"}')
    file = importer.write("calls.ndjson", "\n".join(lines))
    given = ["time=at", "quantities.tokens.input=usage.in", "quantities.tokens.output=usage.out",
             "dimensions.model=model"]  # fmt: skip
    options = [word for text in given for word in ("--map", text)]
    assert "surprise" in importer.run(file, *options, "--time-unit", "ms").err
    importer.write("more.ndjson", "\n".join([lines[0]] * 10_000 + lines[1:]))  # the surprise comes late
    more = file.with_name("more.ndjson")
    ended = importer.run(more, *options, "--time-unit", "ms")
    assert ended.code == 1, ended
    assert [(bad["row"] - 9_999, bad["code"]) for bad in importer.rejects(more)] == [
        (3, "invalid_event"), (5, "invalid_event"), (6, "invalid_time")
    ]  # fmt: skip
    assert importer.rejects(more)[1]["record"]["surprise"] is True
    assert importer.totals("tokens.input", "model") == {
        ("small",): (Decimal(30_000), 10_000),
        ("None",): (Decimal(12345678901234567890), 1),
        ('xé"y',): (Decimal("0.100000000001"), 1),
    }
    assert importer.totals("tokens.output") == {(): (Decimal(40_002), 10_001)}


def frame() -> pl.DataFrame:
    """Rows of every type a column may have that is worth a field."""
    return pl.DataFrame(
        {
            "when": pl.Series(["2026-11-01T00:00:00.000001", "2026-10-25T02:30:00", None, "2026-11-02T00:00:00"])
            .str.to_datetime(time_unit="ns"),
            "who": pl.Series(["a", "b", "c", None]).cast(pl.Categorical),
            "n": pl.Series(["0.123456789012", "2", "3", "99999999999999999999999999"]).cast(pl.Decimal(38, 12)),
            "info": [{"model": "m1", "deep": [1, 2]}, None, {"model": None, "deep": None}, {"model": "m2", "deep": []}],
            "sid": [2**62, 2, None, 4],
        }
    )  # fmt: skip


def test_parquet_types(importer: Importer) -> None:
    """Decimals, structs, categories, naive times in a zone (an hour that was shown twice is told): exactly."""
    file = importer.directory / "typed.parquet"
    frame().write_parquet(file)
    options = ["--map", "time=when", "--map", "member=who", "--map", "quantity=n", "--set", "meter=tokens.input",
               "--map", "dimensions.model=info.model", "--others", "attributes"]  # fmt: skip
    assert "--zone" in importer.run(file, *options).err
    ended = importer.run(file, *options, "--zone", "Europe/Paris")
    assert ended.code == 1, ended
    assert [(bad["row"], bad["code"]) for bad in importer.rejects(file)] == [(2, "invalid_time"), (3, "invalid_time")]
    assert importer.rejects(file)[0]["record"]["n"] == "2.000000000000"
    assert importer.totals("tokens.input", "member", "model") == {
        ("a", "m1"): (Decimal("0.123456789012"), 1),
        ("None", "m2"): (Decimal(99999999999999999999999999), 1),
    }


def test_a_file_of_no_format(importer: Importer, tmp_path: Path) -> None:
    """What can't be read as what it is called is said before anything is sent, with exit code 2."""
    for name, content, said in (
        ("a.parquet", b"no parquet", "can't be read as Parquet"),
        ("a.csv", b"", "first line must name the columns"),
        ("b.csv", b"a,a\n1,2\n", "more than once"),
        ("c.csv", "time,meter\n".encode("utf-16"), "UTF-16"),
        ("a.ndjson", b"time,meter\n", "no JSON object"),
        ("a.xlsx", b"PK", "--format"),
    ):
        ended = importer.run(importer.write(name, content))
        assert (ended.code, said in ended.err) == (2, True), ended
    assert not list(tmp_path.glob("*.toml"))

"""The spool: what was appended is there, in order, whatever happened to whoever appended it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from meter.collect import spool as spools
from meter.collect.spool import Spool, SpoolError

Open = Callable[..., Spool]


@pytest.fixture(name="opened")
def fixture_opened(tmp_path: Path) -> Iterator[Open]:
    """Open spools of the test's directory, closed at its end."""
    with ExitStack() as stack:

        def opened(**options: int) -> Spool:
            return stack.enter_context(closing(Spool(tmp_path, **options)))

        yield opened


def drain(spool: Spool) -> list[bytes]:
    """Take everything out."""
    lines: list[bytes] = []
    while segment := spool.oldest():
        lines += segment.lines
        spool.done(segment)
    return lines


def test_first_in_first_out(opened: Open) -> None:
    """Lines come out in the order they went in."""
    spool = opened()
    for number in range(10):
        spool.append([b"%d" % number])
    assert drain(spool) == [b"%d" % number for number in range(10)]
    assert spool.oldest() is None


def test_nothing_is_added_to_what_is_being_sent(opened: Open) -> None:
    """A segment that was handed out is closed: what comes later goes to the next."""
    spool = opened()
    spool.append([b"1"])
    first = spool.oldest()
    spool.append([b"2"])
    assert first is not None
    assert spool.oldest() == first
    spool.done(first)
    assert drain(spool) == [b"2"]


def test_another_process_finds_what_is_left(opened: Open) -> None:
    """Also behind a segment that the first had handed out."""
    spool = opened()
    spool.append([b"1"])
    spool.oldest()
    spool.append([b"2"])
    spool.close()
    assert drain(opened()) == [b"1", b"2"]


def test_a_line_cut_off_by_a_crash_is_left_out(opened: Open, tmp_path: Path) -> None:
    """Its append never returned, so nobody believes it is there; what follows it is not harmed."""
    spool = opened()
    spool.append([b"whole"])
    spool.close()
    with next(tmp_path.glob("*.ndjson")).open("ab") as file:
        file.write(b"cut o")
    again = opened()
    again.append([b"later"])
    assert drain(again) == [b"whole", b"later"]


def test_one_process_at_a_time(opened: Open) -> None:
    """Two senders would send everything twice."""
    spool = opened()
    with pytest.raises(SpoolError, match="another process"):
        opened()
    spool.close()
    opened().close()


def test_it_has_a_largest_size(opened: Open) -> None:
    """The disk is not ours alone; what was sent makes room again, also for the next process."""
    spool = opened(largest_bytes=20)
    spool.append([b"x" * 15])
    with pytest.raises(SpoolError, match="full"):
        spool.append([b"y" * 15])
    assert drain(spool) == [b"x" * 15]
    spool.append([b"y" * 15])
    spool.close()
    with pytest.raises(SpoolError, match="full"):
        opened(largest_bytes=20).append([b"z" * 15])


def test_segments_stay_below_what_the_service_takes(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """By lines and by bytes."""
    monkeypatch.setattr(spools, "SEGMENT_LINES", 3)
    spool = opened()
    for number in range(7):
        spool.append([b"%d" % number])
    first = spool.oldest()
    assert first is not None
    assert first.lines == [b"0", b"1", b"2"]


def test_one_append_may_fill_many_segments(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """More lines or bytes than the service takes at once are refused by it, so they never become one segment."""
    monkeypatch.setattr(spools, "SEGMENT_LINES", 3)
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 100)
    spool = opened()
    lines = [b"%d" % number for number in range(7)] + [b"x" * 90, b"y" * 90, b"z" * 90]
    spool.append(lines)
    sent: list[list[bytes]] = []
    while segment := spool.oldest():
        sent.append(segment.lines)
        spool.done(segment)
    assert [line for segment_lines in sent for line in segment_lines] == lines
    assert max(map(len, sent)) == 3
    assert max(len(b"".join(segment_lines)) for segment_lines in sent) < 200


def test_what_is_refused_stays_whatever_is_refused_later(opened: Open, tmp_path: Path) -> None:
    """Another process begins with an empty spool: its segments get names of their own."""
    for line in (b"first", b"second"):
        spool = opened()
        spool.append([line])
        segment = spool.oldest()
        assert segment is not None
        spool.refuse(segment)
        spool.close()
    kept = sorted(path.read_bytes() for path in tmp_path.rglob("refused/*.ndjson"))
    assert kept == [b"first\n", b"second\n"]


def test_what_is_refused_is_put_aside(opened: Open) -> None:
    """It does not block what comes after, and nobody throws it away."""
    spool = opened()
    spool.append([b"bad"])
    segment = spool.oldest()
    assert segment is not None
    aside = spool.refuse(segment)
    assert aside.read_bytes() == b"bad\n"
    spool.append([b"good"])
    assert drain(spool) == [b"good"]


def test_single_lines_are_put_aside(tmp_path: Path) -> None:
    """Those that were rejected are kept in a file of their own; the segment can be acknowledged, names never meet."""
    spool = Spool(tmp_path)
    spool.append([b'{"n":0}', b'{"n":1}', b'{"n":2}'])
    segment = spool.oldest()
    assert segment is not None
    kept = spool.put_aside(segment, [0, 2])
    spool.done(segment)
    assert kept.read_bytes() == b'{"n":0}\n{"n":2}\n'
    assert spool.oldest() is None
    spool.close()
    again = Spool(tmp_path)
    again.append([b"{}"])
    later = again.oldest()
    assert later is not None
    assert later.path.name != kept.name
    again.close()

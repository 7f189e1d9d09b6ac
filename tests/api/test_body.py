"""Bodies: packed in any way that is offered, cut anywhere, or blown up."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable

import cramjam
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from api.body import ENCODINGS, MOST_MEMBERS, SNAPPY_RATIO, gunzip, inflate, unsnappy, unzstd
from meter.errors import BodyTooLarge, InvalidBody
from tests.api.site import LARGEST_BODY, Site, problem

Pack = Callable[[bytes], bytes]


def snapped(content: bytes) -> bytes:
    """Pack as one raw snappy block."""
    return bytes(cramjam.snappy.compress_raw(content))


PACKERS: dict[str, Pack] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
    "snappy": snapped,
}
UNPACK = {"gzip": gunzip, "deflate": inflate, "zstd": unzstd, "snappy": unsnappy}
MEMBERLESS = ("deflate", "snappy")
names = pytest.mark.parametrize("name", sorted(UNPACK))


def streamed(content: bytes) -> bytes:
    """Pack with zstd as a stream, which does not say its size in advance."""
    packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return packer.compress(content) + packer.flush()


@names
@given(content=st.binary(max_size=5000))
def test_what_was_packed_comes_out(name: str, content: bytes) -> None:
    """Every packing gives back what went in, also when that fills the limit exactly."""
    assert UNPACK[name](PACKERS[name](content), len(content)) == content


@given(contents=st.lists(st.binary(max_size=2000), min_size=1, max_size=4))
def test_several_members_are_one_body(contents: list[bytes]) -> None:
    """Members of gzip and frames of zstd may follow each other (RFC 1952, RFC 8878)."""
    whole = b"".join(contents)
    assert gunzip(b"".join(map(gzip.compress, contents)), len(whole)) == whole
    assert unzstd(b"".join(map(streamed, contents)), len(whole)) == whole


@names
@given(content=st.binary(min_size=1, max_size=2000), where=st.floats(0, 1, exclude_max=True))
def test_a_body_cut_anywhere_is_never_taken(name: str, content: bytes, where: float) -> None:
    """A prefix of a packed body is refused: half a batch must not look like a whole one."""
    packed = PACKERS[name](content)
    with pytest.raises(InvalidBody):
        UNPACK[name](packed[: int(len(packed) * where)], 10_000)


@names
@given(rest=st.binary(min_size=1, max_size=200))
def test_what_is_no_packing_is_refused(name: str, rest: bytes) -> None:
    """Bytes that are not what the header says are a refusal, never an exception of the library."""
    with pytest.raises(InvalidBody):
        UNPACK[name](b"\x00\x01" + rest, 10_000)


@names
def test_a_bomb_is_refused_before_it_fills_memory(name: str) -> None:
    """200 MB of zeros in a few kB, and bombs within the second member, stop at the limit."""
    bomb = PACKERS[name](bytes(200_000_000))
    bombs = [bomb] if name in MEMBERLESS else [bomb, PACKERS[name](b"a") + bomb]
    for each in bombs:
        tracemalloc.start()
        with pytest.raises(BodyTooLarge):
            UNPACK[name](each, LARGEST_BODY)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 20 * LARGEST_BODY + 16_000_000


def test_a_zstd_window_that_is_too_wide_is_refused() -> None:
    """A frame may not ask for more than 8 MB to be unpacked in (RFC 9659)."""
    wide = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    with pytest.raises(InvalidBody, match="memory"):
        unzstd(packer.compress(b"a" * 100) + packer.flush(), LARGEST_BODY)


@given(size=st.integers(0, 1 << 32), rest=st.binary(max_size=64))
def test_snappy_can_announce_no_more_than_it_holds(size: int, rest: bytes) -> None:
    """What a block says of its size is believed only where its bytes can come to that much."""
    announced = bytearray()
    while size >= 0x80:
        announced.append(size & 0x7F | 0x80)
        size >>= 7
    packed = bytes(announced) + bytes((size,)) + rest
    with contextlib.suppress(InvalidBody, BodyTooLarge):
        assert len(unsnappy(packed, LARGEST_BODY)) <= SNAPPY_RATIO * len(packed)


def test_snappy_packs_no_better_than_its_ratio() -> None:
    """The bound is above what the best case comes to, so nothing that is good is refused."""
    packed = snapped(bytes(1 << 24))
    assert 20 < (1 << 24) / len(packed) < SNAPPY_RATIO
    assert unsnappy(packed, 1 << 24) == bytes(1 << 24)


def test_large_bodies_come_out_whole() -> None:
    """Some 30 MB, packed at once, within a limit of 32."""
    content = json.dumps(list(range(3_500_000))).encode()
    assert len(content) > 29_000_000
    for name, unpack in UNPACK.items():
        assert unpack(PACKERS[name](content), 1 << 25) == content, name


@pytest.mark.parametrize("encoding", [*ENCODINGS, "identity", "GZIP"])
async def test_requests_may_be_packed(site: Site, encoding: str) -> None:
    """Every encoding that is offered works on a route; names are case-insensitive."""
    body = json.dumps({"name": "Packed", "owner": {"user_id": "u", "email": "u@x.y"}}).encode()
    packed = PACKERS.get(encoding.lower(), bytes)(body)
    async with site.client() as client:
        answer = await client.post("/v1/teams", content=packed, headers={"Content-Encoding": encoding})
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "nonsense"])
async def test_other_encodings_are_named_as_such(site: Site, encoding: str) -> None:
    """415 says which encodings there are."""
    async with site.client() as client:
        answer = await client.post("/v1/teams", content=b"x", headers={"Content-Encoding": encoding})
    assert (answer.status_code, problem(answer)) == (415, "unsupported_encoding")
    assert "zstd" in answer.json()["detail"]


async def test_a_body_that_is_too_large_is_told(site: Site) -> None:
    """413 with the limit, announced or streamed, packed or plain."""

    async def streaming() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"a" * (LARGEST_BODY // 10)

    async with site.client() as client:
        answers = [
            await client.post("/v1/teams", content=b"a" * (LARGEST_BODY + 1)),
            await client.post("/v1/teams", content=streaming()),
            await client.post(
                "/v1/teams", content=gzip.compress(bytes(LARGEST_BODY + 1)), headers={"Content-Encoding": "gzip"}
            ),
        ]
    assert [(answer.status_code, problem(answer)) for answer in answers] == [(413, "body_too_large")] * 3
    assert answers[0].json()["limit_bytes"] == LARGEST_BODY


async def test_a_client_that_hangs_up_half_way_leaves_nothing_behind(site: Site) -> None:
    """A body that ends before its announced end is not taken for a whole one, and the next request is served."""
    team = await site.make_team()
    key = await site.make_key(team, "ingest", "read")
    host, port = site.settings.host, site.settings.port
    whole = b'{"id": "cut", "meter": "requests", "quantity": 1, "time": "2026-11-01T00:00:00Z"}'
    fields = {"Host": host, "Authorization": f"Bearer {key}", "Content-Length": len(whole) + 1}
    head = "POST /v1/events HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    with socket.create_connection((host, port)) as cut:
        cut.sendall(head.encode() + whole)
    async with site.client(key) as client:
        usage = await client.get("/v1/usage", params={"meter": "requests", "from": "2026-11-01", "to": "2026-11-02"})
    assert usage.json()["items"] == []


async def test_no_route_reads_a_body_before_it_knows_the_key(site: Site) -> None:
    """Without a key even a body that is too large is a 401: strangers cost no memory."""
    async with site.client(None) as client:
        answer = await client.post("/v1/teams", content=b"a" * (LARGEST_BODY + 1))
    assert problem(answer) == "unauthorized"


@pytest.mark.parametrize("name", sorted(set(UNPACK) - {"snappy"}))
def test_a_body_of_countless_parts_is_refused(name: str) -> None:
    """Millions of empty members fit into a body, and each costs time; a few thousand are a body."""
    assert UNPACK[name](PACKERS[name](b"x") * MOST_MEMBERS, MOST_MEMBERS) == b"x" * MOST_MEMBERS
    with pytest.raises(InvalidBody, match="parts"):
        UNPACK[name](PACKERS[name](b"") * (MOST_MEMBERS + 1), 1)


@pytest.mark.parametrize("path", ["/signin", "/join", "/v1/invitations/accept"])
async def test_who_shows_no_key_sends_little(site: Site, path: str) -> None:
    """A form of megabytes is refused, packed too; nobody knows who keeps us busy there."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with site.client(None, **form) as client:
        plain = await client.post(path, content=b"a&" * 5_000)
        packed = await client.post(path, content=gzip.compress(b"a&" * 50_000), headers={"Content-Encoding": "gzip"})
    for answer in (plain, packed):
        assert (answer.status_code, problem(answer)) == (413, "body_too_large")
        assert answer.json()["limit_bytes"] < 10_000

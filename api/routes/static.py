"""GET /static/…: styles, scripts and images of the pages, from a closed list."""

from __future__ import annotations

import asyncio
import gzip
from functools import cache
from hashlib import sha256
from typing import Annotated, Any, NamedTuple

from litestar import Request, Response, get
from litestar.params import FromPath, QueryParameter

from dashboards.assets import ASSETS, url
from meter.errors import NotFound

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, no-cache"
WORTH_PACKING = 1024

Version = Annotated[str | None, QueryParameter(name="v")]


class Loaded(NamedTuple):
    """A file's content, the same packed (None: not worth it), and its entity tag."""

    content: bytes
    packed: bytes | None
    etag: str


@cache
def load(name: str) -> Loaded:
    """Reads and packs a file, once per process. Raises KeyError for one that is not on the list."""
    content = ASSETS[name].path.read_bytes()
    packed = gzip.compress(content, mtime=0) if len(content) >= WORTH_PACKING else None
    return Loaded(content, packed, f'"{sha256(content).hexdigest()[:16]}"')


@get("/static/{name:str}", include_in_schema=False)
async def static(request: Request[Any, Any, Any], name: FromPath[str], version: Version = None) -> Response[bytes]:
    """Answer a file; under the address that its content gives it, it may be kept for ever."""
    if name not in ASSETS:
        raise NotFound("there is no such file")
    loaded = await asyncio.to_thread(load, name)
    named_by_content = version is not None and url(name).endswith(f"?v={version}")
    headers = {
        "ETag": loaded.etag,
        "Cache-Control": FOR_EVER if named_by_content else ASK_AGAIN,
        "Vary": "Accept-Encoding",
    }
    media_type = ASSETS[name].media_type.partition(";")[0]  # the framework adds the charset
    if loaded.etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=media_type)
    if loaded.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(loaded.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=media_type)
    return Response(loaded.content, headers=headers, media_type=media_type)


HANDLERS = (static,)

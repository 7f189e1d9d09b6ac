"""A request as handlers see it: its body is read by our rules, and JSON goes straight into the struct asked for."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import litestar
import msgspec
from litestar.datastructures import State

from api.body import read_body
from api.near_field import meant
from api.state import shell_of
from meter.errors import InvalidBody
from meter.mapping.presets import of_toml
from meter.model import Caller

# The option of a route that takes small bodies only: those that ask for no key.
MOST_BYTES = "most_body_bytes"
SMALL = {MOST_BYTES: 8_192}
# The option of a route whose document may be written in TOML.
TOML = "application/toml"
TOML_TOO = {TOML: True}


class Request(litestar.Request[Caller, None, State]):
    """A request of a known caller (`user`), on routes that ask for a key."""

    __slots__ = ()

    async def body(self) -> bytes:
        """The whole body, unpacked, within METER_MAX_BODY_BYTES and what the route takes. Raises as `read_body`."""
        kept = self._connection_state.body
        if not isinstance(kept, bytes):
            settings = shell_of(self).settings
            most = min(settings.max_body_bytes, self.route_handler.opt.get(MOST_BYTES, settings.max_body_bytes))
            kept = await read_body(self, most, settings.body_seconds)
            self._connection_state.body = kept
        return kept

    async def json(self) -> Any:  # noqa: ANN401 (the framework's own signature)
        """The body as the type that the handler's `data` has.

        Decoded in one step, so numbers keep all their digits, text is no number, and a refusal names the field.

        Raises:
            InvalidBody: it is no JSON, or not of that type.
            InvalidMapping: as TOML, where the route takes that, it is none.
        """
        field = self.route_handler.parsed_data_field
        if self.route_handler.opt.get(TOML) and media_type(self) == TOML:
            return of_toml(await self.body())
        return decode(await self.body(), Any if field is None else field.annotation)


def media_type(request: litestar.Request[Any, Any, Any]) -> str:
    """The media type of the body, without its parameters; empty where none is said."""
    return str(request.headers.get("content-type", "")).partition(";")[0].strip().lower()


def decode(body: bytes, kind: Any) -> Any:  # noqa: ANN401 (a type in, a value of it out; callers know which)
    """A JSON body as a value of `kind`. Raises InvalidBody, which names the field and what was expected."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise InvalidBody(f"{error}{meant(str(error), kind)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidBody(f"the body is no JSON: {error}") from error


def target(request: litestar.Request[Any, Any, Any]) -> str:
    """Path and query as they were asked for."""
    query = request.scope["query_string"].decode("latin-1")
    path = quote(request.scope["path"])
    return f"{path}?{query}" if query else path

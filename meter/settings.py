"""Settings as data: name, type, default and help of each stand in one tuple that the command, docs and tests read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

LAST_PORT = 65_535
SHORTEST_KEY = 32
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")  # as browsers send it


class SettingsError(ValueError):
    """A setting is unknown or has a form that can't be used; the message says what to write instead."""


class Setting(NamedTuple):
    """One setting: environment name, how its text is read, default text (None: unset) and what it does."""

    name: str
    read: Callable[[str], object]
    default: str | None
    help: str
    secret: bool = False


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ValueError("a whole number above zero")
    return int(text)


def _not_negative(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError("a whole number, 0 for none")
    return int(text)


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError("on or off")
    return text == "on"


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in text.split(","))
    if not all(ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("origins with commas, as in https://app.example.com,http://localhost:3000")
    return origins


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= LAST_PORT:
        raise ValueError(f"a port from 1 to {LAST_PORT}")
    return int(text)


def _operator_key(text: str) -> str:
    if not text.startswith("hm_") or len(text) < SHORTEST_KEY:
        raise ValueError("a key that begins with hm_ and has at least 32 characters")
    return text


def _plan(text: str) -> str:
    if text.count("/") != 1:
        raise ValueError("book/plan, as in credits/payg")
    return text


SETTINGS: tuple[Setting, ...] = (
    Setting("DATABASE_URL", str, None, "PostgreSQL to use; unset: an embedded one in METER_DATA_DIR", secret=True),
    Setting("METER_DATA_DIR", Path, "./data", "Where the embedded PostgreSQL and the first operator key are kept"),
    Setting("METER_HOST", str, "127.0.0.1", "Address to listen on"),
    Setting("METER_PORT", _port, "8100", "Port to listen on"),
    Setting("METER_PROCESSES", _positive, "1", "How many processes serve the port; each computes on one core"),
    Setting(
        "METER_OPERATOR_KEY", _operator_key, None, "The first operator key; unset: made on first start", secret=True
    ),
    Setting("METER_SELLER_NAME", str, "Hourmeter", "Who the invoices come from"),
    Setting("METER_DEFAULT_PLAN", _plan, "credits/payg", "Price book and plan of a team that chose none"),
    Setting("METER_PAST_DAYS", _positive, "3660", "How many days back an event's time may lie"),
    Setting("METER_POOL_SIZE", _positive, "8", "Database connections per process at most"),
    Setting("METER_READ_POOL_SIZE", _positive, "4", "Database connections per process for questions, beside those"),
    Setting("METER_QUERY_SECONDS", _positive, "30", "How long one statement of a question may take"),
    Setting("METER_REQUEST_SECONDS", _positive, "60", "How long a request may take until its answer begins"),
    Setting("METER_BODY_SECONDS", _positive, "30", "How long a request's body may take to arrive"),
    Setting(
        "METER_KEY_REQUESTS_PER_SECOND",
        _not_negative,
        "200",
        "Requests per second that one key may make, twice as many at once; 0: no limit",
    ),
    Setting("METER_MAX_BODY_BYTES", _positive, "33554432", "Largest request body, after decompression too"),
    Setting("METER_MAX_BATCH", _positive, "20000", "Most events in one request"),
    Setting("METER_REFRESH_SECONDS", _positive, "2", "How often touched buckets are rolled up"),
    Setting("METER_ACCESS_LOG", _switch, "on", "A log line per request, without personal data: on or off"),
    Setting("METER_CORS_ORIGINS", _origins, None, "Whose pages may ask the API in a browser, with commas; unset: none"),
    Setting("METER_HTTPS_ONLY", _switch, "off", "on: tell browsers to come by https alone, and mark cookies so"),
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The values of SETTINGS, read once at start and passed in. Printed without them: some are secrets."""

    database_url: str | None
    data_dir: Path
    host: str
    port: int
    processes: int
    operator_key: str | None
    seller_name: str
    default_plan: str
    past_days: int
    pool_size: int
    read_pool_size: int
    query_seconds: int
    request_seconds: int
    body_seconds: int
    key_requests_per_second: int
    max_body_bytes: int
    max_batch: int
    refresh_seconds: int
    access_log: bool
    cors_origins: tuple[str, ...] | None
    https_only: bool

    def __repr__(self) -> str:
        return "Settings(…)"


def _field(name: str) -> str:
    return name.removeprefix("METER_").lower()


def _text(setting: Setting, environ: Mapping[str, str]) -> str | None:
    file = environ.get(f"{setting.name}_FILE")
    if file is not None and setting.secret:
        try:
            text = Path(file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise SettingsError(f"{setting.name}_FILE: {file} can't be read ({why})") from None  # may quote the secret
        if not text:
            raise SettingsError(f"{setting.name}_FILE: {file} is empty")
        return text
    return environ.get(setting.name) or setting.default


def _value(setting: Setting, environ: Mapping[str, str]) -> object:
    text = _text(setting, environ)
    if text is None:
        return None
    try:
        return setting.read(text)
    except ValueError as error:
        shown = "what is set" if setting.secret else repr(text)
        raise SettingsError(f"{setting.name}: {shown} can't be used; write {error}") from error


def known_names() -> frozenset[str]:
    """Every environment name we answer to, `…_FILE` forms of secrets and test switches included."""
    return frozenset(s.name for s in SETTINGS) | frozenset(f"{s.name}_FILE" for s in SETTINGS if s.secret)


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads the settings from the environment.

    Raises SettingsError for an unknown METER_ name or a value of a wrong form. METER_TEST_ and METER_UPDATE_ belong to
    the test suite and are left alone.
    """
    for name in sorted(environ):
        ours = name.startswith("METER_") and not name.startswith(("METER_TEST_", "METER_UPDATE_"))
        if ours and name not in known_names():
            raise SettingsError(f"{name} is not a setting; `meter settings` lists those there are")
    return msgspec.convert({_field(s.name): _value(s, environ) for s in SETTINGS}, Settings, strict=True)

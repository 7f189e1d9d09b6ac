"""Settings as data: name, type, default and help of each stand in one tuple that the command, docs and tests read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple
from zoneinfo import available_timezones

import msgspec
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from meter.invoicing import numbers
from meter.mail.server import sender_of, server_of

LAST_PORT = 65_535
SHORTEST_KEY, LONGEST_KEY = 32, 200  # a longer one is refused before it is looked up
PNG = b"\x89PNG\r\n\x1a\n"
LARGEST_PICTURE, PICTURE_START = 500_000, 4_000
PUBLIC_URL = r"https?://[a-z0-9.\[\]:-]+(/[\w.~-]+)*"
MOST_STEPS, MOST_DAYS = 20, 3_660
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")  # as browsers send it


class SettingsError(ValueError):
    """A setting is unknown or has a form that can't be used; the message says what to write instead."""


class Form(NamedTuple):
    """What a setting's text must look like, in words that follow "write", and how it is read.

    `read` raises ValueError for any other text.
    """

    words: str
    read: Callable[[str], object]


class Setting(NamedTuple):
    """One setting: environment name, form, default text (None: unset) and what it does."""

    name: str
    form: Form
    default: str | None
    help: str
    secret: bool = False


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number == 0:
        raise ValueError(text)
    return number


def _not_negative(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(text)
    return int(text)


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError(text)
    return text == "on"


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in text.split(","))
    if not all(ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError(text)
    return origins


def _port(text: str) -> int:
    number = _positive(text)
    if number > LAST_PORT:
        raise ValueError(text)
    return number


def _key(text: str) -> str:
    sendable = text.isascii() and text.isprintable() and " " not in text  # a header can't bring anything else
    if not text.startswith("hm_") or not SHORTEST_KEY <= len(text) <= LONGEST_KEY or not sendable:
        raise ValueError
    return text


def _matching(pattern: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return read


def _zone(text: str) -> str:
    if text != "UTC" and text not in available_timezones():
        raise ValueError(text)
    return text


def _lines(text: str) -> tuple[str, ...]:
    lines = tuple(line.strip() for line in text.replace("\n", ";").split(";") if line.strip())
    if not lines or not all(line.isprintable() for line in lines):
        raise ValueError(text)
    return lines


def _picture(text: str) -> Path:
    path = Path(text)
    try:
        start, size = path.read_bytes()[:PICTURE_START], path.stat().st_size
    except OSError as error:
        raise ValueError(text) from error
    known = start.startswith(PNG) or b"<svg" in start
    if not known or size > LARGEST_PICTURE:
        raise ValueError(text)
    return path


def _smtp_url(text: str) -> str:
    server_of(text)
    return text


def _sender(text: str) -> str:
    sender_of(text)
    return text


def _days(text: str) -> tuple[int, ...]:
    if text == "off":
        return ()
    days = tuple(_positive(day.strip()) for day in text.split(","))
    if len(days) > MOST_STEPS or days[-1] > MOST_DAYS or list(days) != sorted(set(days)):
        raise ValueError(text)
    return days


def _database_url(text: str) -> str:
    try:
        conninfo_to_dict(text)
    except ProgrammingError:
        raise ValueError from None  # the driver's words may quote the password
    return text


TEXT = Form("text", str)
DIRECTORY = Form("the path of a directory", Path)
HOST = Form("a host name or an address", _matching(r"[^\s/]+"))
NUMBER = Form("a whole number above zero", _positive)
PORT = Form(f"a port from 1 to {LAST_PORT}", _port)
KEY = Form(f"a key that begins with hm_ and has {SHORTEST_KEY} to {LONGEST_KEY} ASCII characters, no spaces", _key)
PLAN = Form("book/plan, as in credits/payg", _matching(r"[^/]+/[^/]+"))
ZONE = Form("an IANA time zone, as in Europe/Berlin", _zone)
LIMIT = Form("a whole number, 0 for none", _not_negative)
SWITCH = Form("on or off", _switch)
ORIGINS = Form("origins with commas, as in https://app.example.com,http://localhost:3000", _origins)
LINES = Form("lines with semicolons between, as in Lindenstraße 7; 10969 Berlin; Germany", _lines)
PICTURE = Form("the path of a PNG or SVG file of 500 kB at most", _picture)
MAIL = Form("an address, as in billing@example.com", _matching(r"[^@\s]+@[^@\s]+"))
SMTP = Form("smtp://user:password@host:port or smtps://…, what is special in user and password as %25", _smtp_url)
SENDER = Form("an address, as in Acme Billing <billing@example.com>", _sender)
PUBLIC = Form("http://host or https://host, with port and path if need be, no slash at its end", _matching(PUBLIC_URL))
DAYS = Form("growing numbers of days with commas, as in 1,7,14, or off", _days)
NUMBERS = Form(
    "one {number}, or {year} and one {number_of_year}, and letters, digits, '.', '_', '-', {year}, {month} around it, "
    "as in ACME-{year}-{number:5}",
    numbers.check_format,
)
DATABASE = Form("postgresql://user:password@host/name, a % in the password as %25", _database_url)

SETTINGS: tuple[Setting, ...] = (
    Setting("DATABASE_URL", DATABASE, None, "PostgreSQL to use; unset: an embedded one in METER_DATA_DIR", secret=True),
    Setting("METER_DATA_DIR", DIRECTORY, "./data", "Where the embedded PostgreSQL and the first operator key are kept"),
    Setting("METER_HOST", HOST, "127.0.0.1", "Address to listen on"),
    Setting("METER_PORT", PORT, "8100", "Port to listen on"),
    Setting("METER_PROCESSES", NUMBER, "1", "How many processes serve the port; each computes on one core"),
    Setting(
        "METER_OPERATOR_KEY",
        KEY,
        None,
        "The first operator key; unset: made on first start, in operator.key",
        secret=True,
    ),
    Setting("METER_SELLER_NAME", TEXT, "Hourmeter", "Who the invoices come from"),
    Setting("METER_SELLER_ADDRESS", LINES, None, "The seller's address on invoices"),
    Setting("METER_SELLER_TAX_IDS", LINES, None, "The seller's tax numbers on invoices, with what they are"),
    Setting("METER_SELLER_EMAIL", MAIL, None, "Where customers ask about an invoice"),
    Setting("METER_SELLER_LOGO", PICTURE, None, "The seller's logo on invoices; unset: the name alone"),
    Setting("METER_SELLER_PAYMENT", LINES, None, "How an invoice is paid, printed on those that are due"),
    Setting("METER_INVOICE_NOTES", LINES, None, "What else every invoice says at its end"),
    Setting("METER_INVOICE_NUMBER", NUMBERS, numbers.DEFAULT, "How the numbers of invoices are made"),
    Setting("METER_BILL_AFTER_HOURS", LIMIT, "1", "Hours after a billing period until its invoice is made by itself"),
    Setting("METER_INVOICE_GRACE_HOURS", LIMIT, "24", "Hours after a billing period for which its invoice is a draft"),
    Setting("METER_DEFAULT_PLAN", PLAN, "credits/payg", "Price book and plan of a new team that names none"),
    Setting("METER_DEFAULT_TIMEZONE", ZONE, "UTC", "Time zone of a new team that names none: where its days begin"),
    Setting("METER_PAST_DAYS", NUMBER, "3660", "How many days back an event's time may lie"),
    Setting("METER_POOL_SIZE", NUMBER, "8", "Database connections per process at most"),
    Setting("METER_READ_POOL_SIZE", NUMBER, "4", "Database connections per process for questions, beside those"),
    Setting("METER_QUERY_SECONDS", NUMBER, "30", "Seconds that one statement of a question may take"),
    Setting("METER_REQUEST_SECONDS", NUMBER, "60", "Seconds that a request may take until its answer begins"),
    Setting("METER_BODY_SECONDS", NUMBER, "30", "Seconds that a request's body may take to arrive"),
    Setting(
        "METER_KEY_REQUESTS_PER_SECOND",
        LIMIT,
        "200",
        "Requests per second that one key may make, twice as many at once; 0: no limit",
    ),
    Setting("METER_MAX_BODY_BYTES", NUMBER, "33554432", "Largest request body in bytes, after decompression too"),
    Setting("METER_MAX_BATCH", NUMBER, "20000", "Most events in one request"),
    Setting("METER_REFRESH_SECONDS", NUMBER, "2", "How often touched buckets are rolled up, in seconds"),
    Setting("METER_KEEP_RAW_DAYS", NUMBER, None, "Days that raw events are kept, or until billed; unset: for ever"),
    Setting("METER_KEEP_POINTS_DAYS", NUMBER, None, "Days that collectors' points are kept; unset: for ever"),
    Setting(
        "METER_KEEP_RESULTS_DAYS",
        LIMIT,
        "90",
        "Days that forecasts made ahead are kept after they were last made; 0: for ever",
    ),
    Setting(
        "METER_KEEP_BILLING_RUNS_DAYS",
        LIMIT,
        "400",
        "Days that reports of billing runs are kept after their end; 0: for ever",
    ),
    Setting(
        "METER_KEEP_MAIL_DAYS",
        LIMIT,
        "400",
        "Days that the log of mail is kept, of open invoices until they are closed; 0: for ever",
    ),
    Setting("METER_ARCHIVE_DIR", DIRECTORY, None, "Where raw events are written before they go; unset: nowhere"),
    Setting(
        "METER_COLUMNSTORE_AFTER_DAYS",
        LIMIT,
        "7",
        "Days after which raw events move to TimescaleDB's columnstore; 0: never",
    ),
    Setting("METER_SMTP_URL", SMTP, None, "The mail server; unset: nothing is mailed", secret=True),
    Setting("METER_MAIL_FROM", SENDER, None, "Who mail comes from; without a name it is the seller's"),
    Setting("METER_PUBLIC_URL", PUBLIC, None, "Where people reach this service: what links in mail begin with"),
    Setting("METER_OVERDUE_DAYS", DAYS, "1,7,14", "Days after an invoice was due on which its team is reminded"),
    Setting("METER_ACCESS_LOG", SWITCH, "on", "A log line per request, without personal data"),
    Setting("METER_CORS_ORIGINS", ORIGINS, None, "Whose pages may ask the API from a browser; unset: none"),
    Setting("METER_HTTPS_ONLY", SWITCH, "off", "on: tell browsers to come by https alone (HSTS), and mark cookies so"),
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
    seller_address: tuple[str, ...] | None
    seller_tax_ids: tuple[str, ...] | None
    seller_email: str | None
    seller_logo: Path | None
    seller_payment: tuple[str, ...] | None
    invoice_notes: tuple[str, ...] | None
    invoice_number: str
    bill_after_hours: int
    invoice_grace_hours: int
    default_plan: str
    default_timezone: str
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
    keep_raw_days: int | None
    keep_points_days: int | None
    keep_results_days: int
    keep_billing_runs_days: int
    keep_mail_days: int
    archive_dir: Path | None
    columnstore_after_days: int
    smtp_url: str | None
    mail_from: str | None
    public_url: str | None
    overdue_days: tuple[int, ...]
    access_log: bool
    cors_origins: tuple[str, ...] | None
    https_only: bool

    def __repr__(self) -> str:
        return "Settings(…)"


def field_of(name: str) -> str:
    """The field of Settings that holds the setting with this name."""
    return name.removeprefix("METER_").lower()


def _text(setting: Setting, environ: Mapping[str, str]) -> str | None:
    file = environ.get(f"{setting.name}_FILE") if setting.secret else None
    if not file:
        return environ.get(setting.name) or setting.default
    if environ.get(setting.name):
        raise SettingsError(f"{setting.name} and {setting.name}_FILE are both set; unset one of them")
    return _content(f"{setting.name}_FILE", file)


def _content(name: str, file: str) -> str:
    try:
        text = Path(file).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8, or no path"
        raise SettingsError(f"{name}: {file} can't be read ({why})") from None  # may quote the secret
    if not text:
        raise SettingsError(f"{name}: {file} is empty")
    return text


def _value(setting: Setting, environ: Mapping[str, str]) -> object:
    text = _text(setting, environ)
    if text is None:
        return None
    try:
        return setting.form.read(text)
    except ValueError:
        shown = "what is set" if setting.secret else repr(text)
        raise SettingsError(f"{setting.name}: {shown} can't be used; write {setting.form.words}") from None


def known_names() -> frozenset[str]:
    """Every environment name we answer to, `…_FILE` forms of secrets and test switches included."""
    return frozenset(s.name for s in SETTINGS) | frozenset(f"{s.name}_FILE" for s in SETTINGS if s.secret)


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads the settings from the environment.

    What is set to nothing is unset. Raises SettingsError for an unknown METER_ name, a value of a wrong form, a secret
    given twice, and values that contradict each other. METER_TEST_ and METER_UPDATE_ belong to the tests.
    """
    for name in sorted(environ):
        ours = name.startswith("METER_") and not name.startswith(("METER_TEST_", "METER_UPDATE_"))
        if ours and name not in known_names():
            near = get_close_matches(name.upper(), known_names(), 1)
            meant = f"; did you mean {near[0]}?" if near else ";"
            raise SettingsError(f"{name} is not a setting{meant} `meter settings` lists those there are")
    found = msgspec.convert({field_of(s.name): _value(s, environ) for s in SETTINGS}, Settings, strict=True)
    _check_kept(found)
    _check_mail(found)
    return found


def _check_kept(settings: Settings) -> None:
    """Refuses to drop what may still be needed: raw events that others may come to, points that raw events rest on."""
    raw, points = settings.keep_raw_days, settings.keep_points_days
    if raw is not None and raw < settings.past_days:
        raise SettingsError(
            f"METER_KEEP_RAW_DAYS: {raw} is less than METER_PAST_DAYS, {settings.past_days}: events would be dropped "
            f"while others of their time are still taken; set METER_PAST_DAYS to {raw} or less, or keep them longer"
        )
    if points is not None and (raw is None or points < raw):
        kept = "for ever" if raw is None else f"{raw} days"
        raise SettingsError(
            f"METER_KEEP_POINTS_DAYS: {points} is less than raw events are kept (METER_KEEP_RAW_DAYS, {kept}): they "
            "are made of points, and a late point revises both; keep points as long at least"
        )


def _check_mail(settings: Settings) -> None:
    """Refuses to mail from nobody, or without a place that links lead to."""
    needed = {"METER_MAIL_FROM": settings.mail_from, "METER_PUBLIC_URL": settings.public_url}
    missing = [name for name, value in needed.items() if value is None]
    if settings.smtp_url is not None and missing:
        raise SettingsError(f"METER_SMTP_URL: mail needs {' and '.join(missing)} too")

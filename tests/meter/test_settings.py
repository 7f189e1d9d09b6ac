"""Settings: each has its default, wrong forms say what to write, secrets are never shown."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.settings import SETTINGS, Settings, SettingsError, field_of, known_names, load

KEY = "hm_" + "k" * 40
GOOD = {
    "DATABASE_URL": "postgresql://meter:kkkk@db/meter",
    "METER_OPERATOR_KEY": KEY,
    "METER_SMTP_URL": "smtp://meter:kkkk@mail.example.com",
}
MAIL = {"METER_MAIL_FROM": "billing@example.com", "METER_PUBLIC_URL": "https://usage.example.com"}
SECRETS = [setting.name for setting in SETTINGS if setting.secret]


def test_defaults() -> None:
    """An empty environment is enough."""
    found = load({})
    assert found == Settings(
        database_url=None,
        data_dir=Path("data"),
        host="127.0.0.1",
        port=8100,
        operator_key=None,
        seller_name="Hourmeter",
        seller_address=None,
        seller_tax_ids=None,
        seller_email=None,
        seller_logo=None,
        seller_payment=None,
        invoice_notes=None,
        invoice_number="HM-{number:6}",
        bill_after_hours=1,
        invoice_grace_hours=24,
        default_plan="credits/payg",
        default_timezone="UTC",
        past_days=3660,
        pool_size=8,
        max_body_bytes=32 * 1024 * 1024,
        max_batch=20_000,
        refresh_seconds=2,
        processes=1,
        read_pool_size=4,
        query_seconds=30,
        request_seconds=60,
        body_seconds=30,
        key_requests_per_second=200,
        keep_raw_days=None,
        keep_points_days=None,
        keep_results_days=90,
        keep_billing_runs_days=400,
        keep_mail_days=400,
        archive_dir=None,
        columnstore_after_days=7,
        smtp_url=None,
        mail_from=None,
        public_url=None,
        overdue_days=(1, 7, 14),
        access_log=True,
        cors_origins=None,
        https_only=False,
    )


def test_each_setting_has_a_field_and_a_text() -> None:
    """The tuple and the struct tell the same story, and each setting says what it does."""
    fields = [field_of(setting.name) for setting in SETTINGS]
    assert fields == [field.name for field in msgspec.structs.fields(Settings)]
    assert len(set(fields)) == len(fields)
    assert all(setting.help for setting in SETTINGS)
    assert set(GOOD) == set(SECRETS)


def test_values_are_read() -> None:
    """Each kind of value, as text."""
    given_ = {
        "DATABASE_URL": "postgresql://u:p@h/d",
        "METER_DATA_DIR": "/var/lib/meter",
        "METER_HOST": "0.0.0.0",  # noqa: S104 - text, nobody listens
        "METER_PORT": "65535",
        "METER_OPERATOR_KEY": KEY,
        "METER_DEFAULT_PLAN": "cloud/basic",
        "METER_DEFAULT_TIMEZONE": "Asia/Kathmandu",
        "METER_MAX_BATCH": "5",
        "METER_KEY_REQUESTS_PER_SECOND": "0",
        "METER_ACCESS_LOG": "off",
        "METER_CORS_ORIGINS": "https://app.example.com, http://localhost:3000, http://[::1]:3000",
    }
    found = load(given_)
    assert found.database_url == given_["DATABASE_URL"]
    assert found.data_dir == Path("/var/lib/meter")
    assert (found.host, found.port) == ("0.0.0.0", 65535)  # noqa: S104 - as above
    assert found.operator_key == KEY
    assert found.default_plan == "cloud/basic"
    assert found.default_timezone == "Asia/Kathmandu"
    assert found.max_batch == 5
    assert (found.key_requests_per_second, found.access_log) == (0, False)
    assert found.cors_origins == ("https://app.example.com", "http://localhost:3000", "http://[::1]:3000")


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS])
def test_an_empty_text_is_unset(name: str) -> None:
    """As compose files pass what nobody set."""
    assert load({name: ""}) == load({})


@pytest.mark.parametrize(
    "name",
    ["METER_NONSENSE", "METER_", "METER_port", "METER_PORT_FILE", "METER_DATABASE_URL", "METER_TEST", "METER_UPDATE"],
)
def test_unknown_names_are_refused(name: str) -> None:
    """A typo is an error, never a default."""
    with pytest.raises(SettingsError, match=name):
        load({name: "1"})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("METER_PROT", "METER_PORT"),
        ("METER_port", "METER_PORT"),
        ("METER_DATABASE_URL", "DATABASE_URL"),
        ("METER_OPERATOR_KEY_FIEL", "METER_OPERATOR_KEY_FILE"),
        ("METER_DEFAULT_TIME_ZONE", "METER_DEFAULT_TIMEZONE"),
    ],
)
def test_the_nearest_name_is_suggested(name: str, meant: str) -> None:
    """Who mistyped it sees at once how it is written."""
    with pytest.raises(SettingsError, match=f"{name} is not a setting; did you mean {meant}\\?"):
        load({name: "1"})


def test_nothing_is_suggested_where_nothing_is_near() -> None:
    """A wild guess would send them astray."""
    with pytest.raises(SettingsError, match="METER_QQQQQQQQQQQQQQQQ is not a setting; `meter settings` lists"):
        load({"METER_QQQQQQQQQQQQQQQQ": "1"})


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_given_twice_is_refused(name: str, tmp_path: Path) -> None:
    """Nobody could tell which holds. Set to nothing is not given, of the two."""
    file = tmp_path / "secret"
    file.write_text(GOOD[name], "utf-8")
    with pytest.raises(SettingsError, match=f"{name} and {name}_FILE are both set"):
        load({name: GOOD[name], f"{name}_FILE": str(file)})
    assert load(MAIL | {name: "", f"{name}_FILE": str(file)}) == load(MAIL | {name: GOOD[name], f"{name}_FILE": ""})


def test_other_names_are_left_alone() -> None:
    """What is not ours, and what is the test suite's."""
    names = ("PATH", "meter_port", "METERED", "METER_TEST_TIMESCALE_URL", "METER_UPDATE_GOLDEN", "DATABASE_URLS")
    assert load(dict.fromkeys(names, "x")) == load({})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("METER_PORT", "0"),
        ("METER_PORT", "65536"),
        ("METER_PORT", "-1"),
        ("METER_PORT", "+1"),
        ("METER_PORT", "80 "),
        ("METER_PORT", "8_0"),
        ("METER_PORT", "1e3"),
        ("METER_PORT", "\u0668\u0660"),
        ("METER_PAST_DAYS", "0"),
        ("METER_POOL_SIZE", "many"),
        ("METER_MAX_BODY_BYTES", "32MB"),
        ("METER_MAX_BATCH", "9" * 5000),
        ("METER_REFRESH_SECONDS", "0.5"),
        ("METER_HOST", "http://localhost"),
        ("METER_HOST", "local host"),
        ("METER_INVOICE_NUMBER", "ACME"),
        ("METER_INVOICE_NUMBER", "{number}-{number}"),
        ("METER_INVOICE_NUMBER", "A-{number_of_year:4}"),
        ("METER_INVOICE_NUMBER", "{year}/{number}"),
        ("METER_INVOICE_NUMBER", "{day}-{number}"),
        ("METER_INVOICE_NUMBER", "{number:13}"),
        ("METER_INVOICE_NUMBER", "{year:2}-{number}"),
        ("METER_DEFAULT_PLAN", "/payg"),
        ("METER_DEFAULT_PLAN", "payg"),
        ("METER_DEFAULT_PLAN", "a/b/c"),
        ("METER_DEFAULT_TIMEZONE", "CET+1"),
        ("METER_DEFAULT_TIMEZONE", "../zoneinfo/UTC"),
        ("DATABASE_URL", "mysql://root:tr0ub4dor@db/meter"),
        ("DATABASE_URL", "postgresql+psycopg://me:tr0ub4dor@db/meter"),
        ("DATABASE_URL", "postgresql://me:tr0ub%zador@db/meter"),
        ("DATABASE_URL", "postgresql://me:tr0ub4dor@db/meter?sslmod=require"),
        ("DATABASE_URL", "me:tr0ub4dor@db/meter"),
        ("METER_OPERATOR_KEY", "sk_" + "k" * 40),
        ("METER_OPERATOR_KEY", "hm_short"),
        ("METER_OPERATOR_KEY", "hm_" + "k" * 198),
        ("METER_OPERATOR_KEY", "hm_" + "k" * 40 + "\n"),
        ("METER_OPERATOR_KEY", "hm_ " + "k" * 40),
        ("METER_OPERATOR_KEY", "hm_" + "é" * 40),
        ("METER_SMTP_URL", "http://me:tr0ub4dor@mail.example.com"),
        ("METER_SMTP_URL", "smtp://me@mail.example.com"),
        ("METER_SMTP_URL", "smtp://me:tr0ub4dor@mail.example.com:smtp"),
        ("METER_SMTP_URL", "smtp://me:tr0ub4dor@mail.example.com/x"),
        ("METER_SMTP_URL", "smtp://me:tr0ub4dor@"),
        ("METER_MAIL_FROM", "Acme"),
        ("METER_MAIL_FROM", "Acme <a@example.com>\nBcc: b@example.com"),
        ("METER_PUBLIC_URL", "usage.example.com"),
        ("METER_PUBLIC_URL", "https://usage.example.com/"),
        ("METER_PUBLIC_URL", 'https://usage.example.com/"x'),
        ("METER_OVERDUE_DAYS", "0"),
        ("METER_OVERDUE_DAYS", "7,1"),
        ("METER_OVERDUE_DAYS", "1,1"),
        ("METER_OVERDUE_DAYS", "1,"),
        ("METER_KEY_REQUESTS_PER_SECOND", "-1"),
        ("METER_ACCESS_LOG", "true"),
        ("METER_CORS_ORIGINS", "*"),
        ("METER_CORS_ORIGINS", "null"),
        ("METER_CORS_ORIGINS", "https://app.example.com/"),
        ("METER_CORS_ORIGINS", "https://app.example.com,"),
        ("METER_CORS_ORIGINS", "https://*.example.com"),
    ],
)
def test_wrong_forms_are_refused(name: str, text: str) -> None:
    """The message names the setting; a secret is not repeated in it."""
    with pytest.raises(SettingsError, match=f"^{name}: ") as caught:
        load({name: text})
    assert (name in SECRETS) or repr(text) in str(caught.value)
    assert not (name in SECRETS and (text in str(caught.value) or "tr0ub" in str(caught.value)))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_come_from_files(name: str, tmp_path: Path) -> None:
    """Their last line break is not part of them."""
    file = tmp_path / "secret"
    file.write_text(f"{GOOD[name]}\n", "utf-8")
    found = load(MAIL | {f"{name}_FILE": str(file)})
    assert getattr(found, field_of(name)) == GOOD[name]
    assert f"{name}_FILE" in known_names()


@pytest.mark.parametrize("name", SECRETS)
def test_files_that_cannot_be_used(name: str, tmp_path: Path) -> None:
    """Missing, a folder, empty, or not text: an error that names the file; never silently unset."""
    (tmp_path / "empty").write_text(" \n", "utf-8")
    (tmp_path / "binary").write_bytes(b"hm_secret\xff\xfe")
    for file in ("missing", "", "empty", "binary"):
        with pytest.raises(SettingsError, match=f"{name}_FILE: ") as caught:
            load({f"{name}_FILE": str(tmp_path / file)})
        assert "hm_secret" not in str(caught.value)
        assert caught.value.__cause__ is None


@given(st.dictionaries(st.sampled_from(sorted(known_names() | {"METER_X"})), st.text(max_size=8), max_size=4))
def test_any_environment_is_settings_or_a_settings_error(environ: dict[str, str]) -> None:
    """Nothing else ever comes out."""
    environ = {name: text.replace("\0", "") for name, text in environ.items()}
    try:
        found = load(environ)
    except SettingsError:
        return
    assert isinstance(found, Settings)


def test_mail_needs_a_sender_and_a_place_that_links_lead_to() -> None:
    """And then each is read."""
    for name in MAIL:
        with pytest.raises(SettingsError, match=f"METER_SMTP_URL: mail needs {name} too"):
            load(MAIL | {"METER_SMTP_URL": GOOD["METER_SMTP_URL"], name: ""})
    found = load(MAIL | {"METER_SMTP_URL": GOOD["METER_SMTP_URL"], "METER_OVERDUE_DAYS": "3, 10"})
    assert (found.mail_from, found.public_url, found.overdue_days) == (*MAIL.values(), (3, 10))
    assert load({"METER_OVERDUE_DAYS": "off"}).overdue_days == ()


KEPT = {"METER_KEEP_RAW_DAYS": "90", "METER_PAST_DAYS": "60"}
ROWS = ("METER_KEEP_RESULTS_DAYS", "METER_KEEP_BILLING_RUNS_DAYS", "METER_KEEP_MAIL_DAYS")
CONTRADICTIONS = {
    "raw below the past that is taken": (KEPT | {"METER_PAST_DAYS": "91"}, "METER_PAST_DAYS to 90 or less"),
    "raw below the default past": ({"METER_KEEP_RAW_DAYS": "90"}, "METER_PAST_DAYS, 3660"),
    "points below raw": (KEPT | {"METER_KEEP_POINTS_DAYS": "89"}, "METER_KEEP_RAW_DAYS, 90 days"),
    "points where raw is for ever": ({"METER_KEEP_POINTS_DAYS": "9000"}, "METER_KEEP_RAW_DAYS, for ever"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_settings_that_contradict_each_other_are_refused(name: str) -> None:
    """What would be dropped while it is still needed, with what to set instead."""
    environ, why = CONTRADICTIONS[name]
    with pytest.raises(SettingsError, match=why):
        load(environ)


def test_what_is_kept_for_how_long() -> None:
    """Each as long as what rests on it."""
    found = load(
        KEPT | {"METER_KEEP_POINTS_DAYS": "90", "METER_ARCHIVE_DIR": "/srv", "METER_COLUMNSTORE_AFTER_DAYS": "0"}
    )
    assert (found.keep_raw_days, found.keep_points_days, found.columnstore_after_days) == (90, 90, 0)
    assert found.archive_dir == Path("/srv")
    ever = load(dict.fromkeys(ROWS, "0"))
    assert (ever.keep_results_days, ever.keep_billing_runs_days, ever.keep_mail_days) == (0, 0, 0)
    with pytest.raises(SettingsError, match="METER_KEEP_MAIL_DAYS: '-1' can't be used"):
        load({"METER_KEEP_MAIL_DAYS": "-1"})

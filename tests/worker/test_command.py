"""The command: what it offers, what it refuses, and with which exit code."""

from __future__ import annotations

import pytest

from meter.__main__ import main
from meter.collect import SOURCES
from meter.commands import COMMANDS
from meter.settings import SETTINGS

NAMES = [command.page.name for command in COMMANDS]


@pytest.mark.parametrize("arguments", [[], *([name] for name in NAMES), *(["collect", s.name] for s in SOURCES)])
def test_every_command_has_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` says what it does, and ends well."""
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--help"])
    assert caught.value.code == 0
    assert "usage: meter" in capsys.readouterr().out


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """None is hidden."""
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in NAMES)


def test_settings_are_listed_and_secrets_are_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each by name, with what it is now."""
    monkeypatch.setenv("METER_OPERATOR_KEY", "hm_secret12_" + "s" * 43)
    monkeypatch.setenv("METER_PORT", "8123")
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["settings"]) == 0
    said = capsys.readouterr().out
    assert all(setting.name in said for setting in SETTINGS)
    assert "8123" in said
    assert "sss" not in said


@pytest.mark.parametrize("command", ["doctor", "migrate", "work", "serve"])
def test_an_unreadable_database_url_is_refused_without_its_password(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bare % in a password is an easy mistake, and the driver quotes the password when it complains."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://meter:tr0ub%zador@127.0.0.1:1/meter")
    assert main([command]) == 2
    said = capsys.readouterr().err
    assert "DATABASE_URL" in said
    assert "ador" not in said


def test_an_unknown_setting_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the name."""
    monkeypatch.setenv("METER_PROT", "8123")
    assert main(["version"]) == 2
    assert "METER_PROT" in capsys.readouterr().err


def test_a_database_url_that_can_not_be_read_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The driver's message quotes the URL; ours does not, and comes before anything is opened."""
    monkeypatch.setenv("DATABASE_URL", "postgresql:/me:hunter2@db/x")
    assert main(["migrate"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("meter: DATABASE_URL: what is set can't be used; write postgresql://")
    assert "hunter2" not in said


def test_collecting_needs_a_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not taken from the command line, where everybody could read it."""
    monkeypatch.delenv("HOURMETER_KEY", raising=False)
    assert main(["collect", "host"]) == 2
    assert "HOURMETER_KEY" in capsys.readouterr().err

"""The settings page and `.env.example` are written from SETTINGS: what they say is what there is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meter.settings import SETTINGS, Setting

ROOT = Path(__file__).resolve().parents[2]


def row(setting: Setting) -> str:
    """Answer the row of one setting on the page."""
    default = "unset" if setting.default is None else f"`{setting.default}`"
    more = f" Secret: or `{setting.name}_FILE`." if setting.secret else ""
    return f"| `{setting.name}` | {default} | {setting.help}.{more} | {setting.form.words} |"


def example(setting: Setting) -> str:
    """Answer the lines of one setting in the example: its default, commented out."""
    return f"# {setting.help} ({setting.form.words})\n#{setting.name}={setting.default or ''}"


TABLE = "\n".join(["| name | default | what it does | form |", "|---|---|---|---|", *map(row, SETTINGS)])
EXAMPLE = "\n".join(map(example, SETTINGS))
WRITTEN = {ROOT / "docs" / "settings.md": TABLE, ROOT / ".env.example": EXAMPLE}


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: str(file.name))
def test_the_file_says_what_settings_there_are(file: Path) -> None:
    """All after the last empty line comes from SETTINGS. METER_UPDATE_GOLDEN=1 writes it."""
    text = file.read_text("utf-8")
    head, _, _ = text.rpartition("\n\n")
    wanted = f"{head}\n\n{WRITTEN[file]}\n"
    if os.environ.get("METER_UPDATE_GOLDEN"):
        file.write_text(wanted, "utf-8")
    assert file.read_text("utf-8") == wanted

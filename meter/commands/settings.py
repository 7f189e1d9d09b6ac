"""`meter settings`: every setting, its default and what it is now."""

from __future__ import annotations

from argparse import Namespace

from meter.commands.command import Command, Page
from meter.settings import SETTINGS, Settings, field_of


def run(settings: Settings, _options: Namespace) -> int:
    """Lists the settings; secrets are named and not shown."""
    from rich.console import Console
    from rich.table import Table

    table = Table("setting", "now", "default", "what it does")
    for setting in SETTINGS:
        value = getattr(settings, field_of(setting.name))
        shown = "" if value is None else "(set, not shown)" if setting.secret else str(value)
        more = f" (or {setting.name}_FILE)" if setting.secret else ""
        table.add_row(setting.name, shown, setting.default or "", setting.help + more)
    Console().print(table)
    return 0


COMMAND = Command(
    Page(
        "settings",
        "List every setting, its default and what it is now",
        "Everything is set by environment variables. A secret may also come from a file named by NAME_FILE, and is "
        "never shown. A METER_ name that is no setting, and a value that can't be used, are refused by every command.",
        (
            ("meter settings", "what holds now"),
            ("METER_PORT=9000 meter settings", "what would hold: nothing is started"),
        ),
    ),
    run,
)

"""An environment with the installed wheel: runs its command with next to nothing set, in a directory of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.served import Service

PATH = "/usr/local/bin:/usr/bin:/bin"


class Installed:
    """The `meter` of a virtual environment below `place`, beside an empty working directory and an empty home."""

    def __init__(self, place: Path) -> None:
        """Finds the environment in `place/venv`."""
        self.place = place
        self.command = str(place / "venv" / "bin" / "meter")
        self.python = str(place / "venv" / "bin" / "python")
        self.directory = place / "work"
        self.environ = {"PATH": PATH, "HOME": str(place / "home")}

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """What came of a command, whether well or not."""
        return subprocess.run(
            words,
            cwd=self.directory,
            env=self.environ | settings,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def meter(self, *arguments: str, **settings: str) -> str:
        """What a command of `meter` that ends well prints."""
        done = self.run(self.command, *arguments, **settings)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def service(self) -> Service:
        """The installed `meter serve` on the embedded PostgreSQL in ./data, with nothing set but its port."""
        service = Service("", self.place)
        service._command = [self.command]
        service._directory = self.directory
        service._environ = self.environ | {"METER_PORT": str(service.port)}
        return service

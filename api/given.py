"""What a handler may ask for by name: `shell: TheShell`, `caller: TheCaller`, `actor: TheActor`, `team: TheTeam`."""

from __future__ import annotations

from litestar.di import NamedDependency

from api.state import Shell
from meter.audit import Actor
from meter.model import Caller, Team

TheShell = NamedDependency[Shell]
TheCaller = NamedDependency[Caller]
TheActor = NamedDependency[Actor]
TheTeam = NamedDependency[Team]

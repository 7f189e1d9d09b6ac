"""Who may do what? The whole matrix as data: what a key's scopes open, and what a member's role leaves of it.

A key acts by its scopes. With X-User-ID the lesser of key and member counts: one of the scopes and one of the roles are
needed then. The operator's key may do everything; with X-User-ID it acts for that member, as a key of the team would.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import msgspec

from meter.errors import Forbidden, UnknownMember
from meter.model import Caller

Scope = Literal["ingest", "read", "admin"]
Role = Literal["owner", "admin", "member"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
ROLES: tuple[Role, ...] = get_args(Role)


class Permission(NamedTuple):
    """What may be done, by keys with any of these scopes, and for members with any of these roles.

    Members of the roles in `own_only` see of it what is their own. `registers`: a member nobody has heard of passes,
    and is registered by what follows. Without scopes it is the operator's alone.
    """

    name: str
    allows: str
    scopes: tuple[Scope, ...] = ()
    roles: tuple[Role, ...] = ()
    own_only: tuple[Role, ...] = ()
    registers: bool = False


PERMISSIONS: tuple[Permission, ...] = (
    Permission("ingest", "push usage", ("ingest",), ROLES, registers=True),
    Permission("authorize", "ask whether calls may go on, and book them", ("ingest",), ROLES, registers=True),
    Permission("view_catalogue", "list meters, plans and prices", SCOPES, ROLES),
    Permission("calculate", "price any usage without storing it", ("read", "admin"), ROLES),
    Permission("view_usage", "see usage and what is computed from it", ("read", "admin"), ROLES, own_only=("member",)),
    Permission("view_team", "see the team and its services", ("read", "admin"), ("owner", "admin")),
    Permission("view_billing", "see invoices, the plan and credits", ("read", "admin"), ("owner", "admin")),
    Permission("invite", "invite members", ("admin",), ("owner", "admin")),
    Permission("manage_members", "list, add, change and remove members", ("admin",), ("owner", "admin")),
    Permission("manage_keys", "list, make, rotate and revoke keys", ("admin",), ("owner", "admin")),
    Permission("manage_meters", "make and change the team's own meters", ("admin",), ("owner", "admin")),
    Permission(
        "view_mapping", "see what collectors' metrics count to, and try it", ("read", "admin"), ("owner", "admin")
    ),
    Permission("manage_mapping", "change what collectors' metrics count to", ("admin",), ("owner", "admin")),
    Permission("view_corrections", "see corrections of usage", ("read", "admin"), ("owner", "admin")),
    Permission("correct_usage", "void and amend events, and undo it", ("admin",), ("owner", "admin")),
    Permission("view_budgets", "see budgets and how far they are used", ("read", "admin"), ROLES, own_only=("member",)),
    Permission("manage_budgets", "set, change and end budgets", ("admin",), ("owner", "admin")),
    Permission("view_audit", "read the team's audit log", ("admin",), ("owner", "admin")),
    Permission("edit_team", "rename the team, change where its bills go", ("admin",), ("owner",)),
    Permission("delete_team", "delete the team", ("admin",), ("owner",)),
    Permission(
        "edit_billing_profile", "say who invoices are for: name, address, tax ids", ("admin",), ("owner", "admin")
    ),
    Permission("generate_invoice", "bill a period", ("admin",), ("owner",)),
    Permission("send_invoice", "mail an invoice once more", ("admin",), ("owner", "admin")),
    Permission("change_plan", "change the plan and what is beside it", ("admin",), ("owner",)),
    Permission(
        "operate",
        "make and list teams, change prices and credits, manage the operator's keys, read the audit log of all",
    ),
)
_NAMED = {permission.name: permission for permission in PERMISSIONS}


def permission(name: str) -> Permission:
    """The permission of that name. Raises KeyError for none."""
    return _NAMED[name]


def admit(wanted: Permission, caller: Caller) -> Caller:
    """The caller as far as this permission lets it see; one who acts for a member may be left with their own usage.

    Raises:
        Forbidden: the key has none of the scopes, or the member none of the roles.
        UnknownMember: X-User-ID names nobody of the team.
    """
    if caller.is_operator and (caller.member is None or wanted.registers):
        return caller
    if not wanted.scopes:
        raise Forbidden("only the operator's key may do that, without X-User-ID")
    if caller.scopes.isdisjoint(wanted.scopes):
        raise Forbidden(f"this key has {', '.join(sorted(caller.scopes))}; it needs {' or '.join(wanted.scopes)}")
    if caller.member is None:
        return caller
    if caller.role is None:
        return _unknown(wanted, caller)
    if caller.role not in wanted.roles:
        raise Forbidden(f"X-User-ID is {caller.role} here; to {wanted.allows} takes {' or '.join(wanted.roles)}")
    if caller.role in wanted.own_only:
        return msgspec.structs.replace(caller, only_member=caller.member)
    return caller


def _unknown(wanted: Permission, caller: Caller) -> Caller:
    if wanted.registers:
        return caller
    if caller.is_operator:
        raise UnknownMember("X-User-ID with the operator's key: name an existing team in the path or with ?team=")
    raise UnknownMember("X-User-ID names nobody of this team; its first event would register them")

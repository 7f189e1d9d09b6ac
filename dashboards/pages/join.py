"""The way into a team for somebody who was invited: say who you are, and join. Pure."""

from __future__ import annotations

PATH = "/join"
TEMPLATE = "join.html"
TITLE = "Join a team"
IN_MENU = False


def context(
    *, team_name: str = "", token: str = "", role: str = "", problem: str = "", locale: str = "en"
) -> dict[str, object]:
    """Answer what `join.html` shows: the form for a `token`, the welcome with a `role`, or else the problem alone."""
    return {
        "title": TITLE,
        "page": "join",
        "locale": locale,
        "team_name": team_name,
        "token": token,
        "role": role,
        "problem": problem,
    }

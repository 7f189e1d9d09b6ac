"""The way in for a person: paste a key, get a session. Pure."""

from __future__ import annotations

PATH = "/signin"
TEMPLATE = "signin.html"
TITLE = "Sign in"
IN_MENU = False


def context(*, problem: str = "", after: str = "/dashboard", locale: str = "en") -> dict[str, object]:
    """Answer what `signin.html` shows; `problem` says why the last try failed, `after` is where to go then.

    The form posts `key` and `after` to /signin. `after` is echoed: whoever redirects there checks it is a path of ours.
    """
    return {"title": TITLE, "page": "signin", "locale": locale, "problem": problem, "after": after}

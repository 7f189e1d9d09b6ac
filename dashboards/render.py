"""Templates to text: strict about what is missing, escaped by default."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashboards import assets
from dashboards.pages import PAGES

TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = assets.url
    environment.globals["menu"] = [page for page in PAGES if page.IN_MENU]
    return environment


def render(template: str, **context: object) -> str:
    """Answer a template of `templates/` as text.

    Raises:
        jinja2.UndefinedError: the template asks for something that is not in `context`.
        jinja2.TemplateNotFound: there is no such template.
    """
    return _environment().get_template(template).render(**context)

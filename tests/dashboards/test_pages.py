"""The pages as text: what they say, and what they must never contain."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest

from dashboards import assets, pages
from dashboards.csp import CSP
from dashboards.render import TEMPLATES, render
from dashboards.theme import DARK, LIGHT, Palette
from tests.dashboards import site

CSS = (assets.STATIC / "hourmeter.css").read_text(encoding="utf-8")


def text(html: str) -> str:
    """Answer what a reader sees of a page, roughly."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_every_page_is_listed_and_has_its_template() -> None:
    """A page is one file and one line."""
    files = {path.stem for path in Path(pages.__file__).parent.glob("*.py")} - {"__init__"}
    assert {page.__name__.rpartition(".")[2] for page in pages.PAGES} == files
    assert all((TEMPLATES / page.TEMPLATE).is_file() for page in pages.PAGES)
    assert len({page.PATH for page in pages.PAGES}) == len(pages.PAGES)


def test_the_trends_page_says_what_happened() -> None:
    """Tiles, figure address, remarks and table of one meter."""
    html = site.trends_page({"range": "30d"})
    said = text(html)
    for words in (
        "Acme Research",
        "Oct 22, 2025",
        "against the 30 days before",
        "Nov 20, 2025, 10:40 CET",
        "No data",
        "Running",
    ):
        assert words in said
    assert 'data-figure-url="/dashboard/trends.json?meter=cpu&amp;range=30d&amp;window=day"' in html


def test_a_statement_says_what_changed() -> None:
    """Both totals and the difference; of a first month there is nothing to compare with."""
    said = text(site.statement_page())
    for words in ("Invoice HM-2025-000142", "+€11.74", "+7.1%", "VAT, 19 %", "The invoice before €165.34", "new"):
        assert words in said
    first = text(site.statement_page(alone=True))
    assert "no invoice to compare with" in first
    assert "Before" not in first


def test_the_grouped_page_lists_all_groups_with_shares() -> None:
    """Also what belongs to none, and names are text."""
    html = site.trends_page({"group": "service"})
    assert html.count('<th scope="row"') == len(site.SERVICES) + 1
    assert "search &lt;b&gt;v2&lt;/b&gt;" in html
    shares = [float(each) for each in re.findall(r">(\d+\.\d)%<", html)]
    assert sum(shares) == pytest.approx(100, abs=1)


def test_what_cannot_be_added_up_has_a_mean_and_no_shares() -> None:
    """A total of response times is nonsense."""
    said = text(site.trends_page({"meter": "response_time", "group": "service"}))
    assert "Mean" in said
    assert "Share" not in said
    assert "Total" not in said


def test_without_data_the_page_says_what_to_do() -> None:
    """No tiles of zeros, no empty chart, and an example that would be accepted."""
    html = site.trends_page({"meter": "tokens.input"}, empty=True)
    assert "No usage of Input tokens in the last 30 days" in text(html)
    assert "data-figure-url" not in html
    assert "plotly" not in html
    assert '{"id": "first", "meter": "tokens.input", "quantity": 1}' in html


def test_a_problem_is_an_alert_and_nothing_else() -> None:
    """The form stays, so that something else can be tried."""
    html = site.trends_page({}, "The database does not answer.")
    assert 'role="alert"' in html
    assert "The database does not answer." in html
    assert "<select" in html
    assert "tiles" not in html


@pytest.mark.parametrize("path", ["/dashboard", "/empty", "/error", "/dashboard/invoices", "/signin"])
def test_no_page_has_anything_inline(path: str) -> None:
    """No inline script, no handler, no style attribute, nothing from elsewhere."""
    _, html = site.page(path, {})
    assert not re.search(r"<script(?![^>]*\ssrc=)", html)
    assert not re.search(r"\son\w+=", html)
    assert not re.search(r"\sstyle=|<style", html)
    assert not re.search(r"(src|href)=\"(?![/#])", html)


def test_the_policy_has_no_holes() -> None:
    """Neither inline nor eval, for scripts and for styles."""
    assert "unsafe" not in CSP
    assert CSP.startswith("default-src 'none'; script-src 'self'; style-src 'self';")


def test_the_key_is_never_put_into_a_page() -> None:
    """The sign-in form comes back with the problem and without the key."""
    html = site.page("/signin", {})[1]
    assert 'type="password"' in html
    assert 'aria-invalid="true"' in html
    assert not re.search(r'id="key"[^>]*value=', html)


def test_something_missing_is_an_error_and_not_a_blank() -> None:
    """StrictUndefined: a page without its context does not render."""
    with pytest.raises(jinja2.UndefinedError):
        render("trends.html", title="Usage")


def test_assets_are_a_closed_list_with_an_address_per_version() -> None:
    """All exist, plotly.js comes from its wheel, and nothing else can be named."""
    for name, asset in assets.ASSETS.items():
        assert asset.path.is_file()
        assert re.fullmatch(rf"/static/{re.escape(name)}\?v=[0-9a-f]{{12}}", assets.url(name))
    with pytest.raises(KeyError):
        assets.url("../render.py")


@pytest.mark.parametrize(("scheme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_figures_have_the_colours_of_the_page(scheme: str, palette: Palette) -> None:
    """The style sheet and the plotly template name the same colours."""
    light, dark = CSS.split("@media (prefers-color-scheme: dark)", 1)
    block = light if scheme == "light" else dark.split("*, *::before", 1)[0]
    named = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    shared = ("ink", "muted", "line", "surface", "gap")
    assert {name: named[name] for name in shared} == {name: getattr(palette, name) for name in shared}
    assert named["accent"] == palette.series[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(scheme: str) -> None:
    """WCAG AA: 4.5 to 1 for everything that is read."""
    light, dark = CSS.split("@media (prefers-color-scheme: dark)", 1)
    block = light if scheme == "light" else dark.split("*, *::before", 1)[0]
    named = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    pairs = [("ink", "page"), ("ink", "surface"), ("muted", "page"), ("muted", "surface"), ("muted", "gap")]
    pairs += [
        ("accent", "surface"),
        ("on-accent", "accent"),
        ("accent-strong", "soft"),
        ("bad", "bad-soft"),
        ("good", "good-soft"),
    ]
    poor = {pair: round(contrast(named[pair[0]], named[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


def contrast(one: str, other: str) -> float:
    """Answer the contrast ratio of two colours (WCAG 2.2, 1.4.3)."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Answer the relative luminance of #rrggbb (WCAG 2.2)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

"""The pages in a real Chromium, under our content policy: drawn, quiet, and the right colours."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal, cast

import pytest
from playwright.async_api import Browser, ConsoleMessage, Error, Page, async_playwright, expect

from dashboards.theme import DARK, LIGHT
from tests.dashboards import site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# the policy's own event, beside what the console says of it
VIOLATIONS = """
addEventListener("securitypolicyviolation", (e) => console.error(`CSP ${e.violatedDirective} ${e.blockedURI}`));
"""
PHONE_PAGES = (
    "/dashboard?range=7d",
    "/dashboard?group=service",
    "/dashboard/invoices",
    "/dashboard/invoices/1",
    "/signin",
    "/empty",
)
Scheme = Literal["light", "dark"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: the pages were not looked at in a browser"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve the pages with made-up usage."""
    with site.serve() as served:
        yield served


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Start one Chromium for all tests here."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield started
        await started.close()


class Seen:
    """A page and everything it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._told)
        page.on("pageerror", self._failed)

    def _told(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _failed(self, error: Error) -> None:
        self.complaints.append(str(error))


async def opened(browser: Browser, url: str, scheme: Scheme = "light", width: int = 1280) -> Seen:
    """Open a page and wait until its charts are there or have given up."""
    context = await browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    seen = Seen(await context.new_page())
    await seen.page.add_init_script(VIOLATIONS)
    await seen.page.goto(url, wait_until="networkidle")
    await seen.page.wait_for_selector("[data-figure-url][aria-busy]", state="detached")
    return seen


async def tree(page: Page, script: str) -> Any:
    """Answer what a script finds in the page."""
    return await page.evaluate(script)


async def test_the_chart_is_drawn_under_the_policy(browser: Browser, address: str) -> None:
    """Bars, two lines and the shade of the outage, no word of complaint, also when pointed at and printed."""
    seen = await opened(browser, f"{address}/dashboard")
    assert await seen.page.locator(".chart .main-svg .cartesianlayer .subplot").count() == 1
    assert await seen.page.locator(".chart .barlayer .point path").count() == 30
    assert await seen.page.locator(".chart .scatterlayer .trace").count() == 2
    assert await seen.page.locator(".chart .shapelayer path").count() == 1
    await seen.page.locator(".chart .nsewdrag").hover()
    await seen.page.wait_for_selector(".chart .hoverlayer .hovertext")
    await expect(seen.page.locator(".chart .hovertext")).to_contain_text("core-hours")
    await seen.page.pdf()
    assert seen.complaints == []
    await seen.page.context.close()


async def test_stacked_groups_and_lines_are_drawn_too(browser: Browser, address: str) -> None:
    """Eight colours, and lines for what can't be added up."""
    seen = await opened(browser, f"{address}/dashboard?group=service")
    assert await seen.page.locator(".chart .barlayer .trace").count() == 8
    assert seen.complaints == []
    await seen.page.context.close()
    seen = await opened(browser, f"{address}/dashboard?meter=response_time&group=service")
    assert await seen.page.locator(".chart .scatterlayer .trace").count() == 8
    assert seen.complaints == []
    await seen.page.context.close()


async def test_the_chart_follows_the_scheme_of_the_device(browser: Browser, address: str) -> None:
    """From dark to light without loading the page again."""
    seen = await opened(browser, f"{address}/dashboard", "dark")
    bar = seen.page.locator(".chart .barlayer .point path").first
    await expect(bar).to_have_css("fill", rgb(DARK.series[0]))
    await seen.page.emulate_media(color_scheme="light")
    await expect(bar).to_have_css("fill", rgb(LIGHT.series[0]))
    assert seen.complaints == []
    await seen.page.context.close()


async def test_a_chart_that_fails_says_so(browser: Browser, address: str) -> None:
    """The table is still there, and the reader knows why the chart is not."""
    seen = await opened(browser, f"{address}/no-figure")
    assert "could not be drawn" in await seen.page.locator(".chart [role=alert]").inner_text()
    assert await seen.page.locator("tbody tr").count() == 30
    await seen.page.context.close()


@pytest.mark.parametrize("path", PHONE_PAGES)
async def test_nothing_sticks_out_on_a_phone(browser: Browser, address: str, path: str) -> None:
    """At 360 pixels the page never scrolls sideways; wide tables scroll inside themselves."""
    seen = await opened(browser, f"{address}{path}", width=360)
    assert await tree(seen.page, "document.documentElement.scrollWidth") == 360
    assert seen.complaints == []
    await seen.page.context.close()


async def test_the_statement_is_drawn_under_the_policy(browser: Browser, address: str) -> None:
    """Bars in the colour of the scheme, without a script and a word of complaint; printed too."""
    for scheme, palette in {"light": LIGHT, "dark": DARK}.items():
        seen = await opened(browser, f"{address}/dashboard/invoices/1", cast("Scheme", scheme))
        assert await seen.page.locator("svg.bars").count() == 3
        await expect(seen.page.locator("svg.bars rect").first).to_have_css("fill", rgb(palette.series[0]))
        assert await seen.page.locator("tfoot tr").count() == 2
        await seen.page.pdf()
        assert seen.complaints == []
        await seen.page.context.close()


async def test_an_invoice_alone_is_drawn_under_its_policy(browser: Browser, address: str) -> None:
    """Its styles are those that the policy knows by their hash."""
    seen = await opened(browser, f"{address}/invoice.html")
    await expect(seen.page.locator("h1")).to_have_css("color", "rgb(11, 107, 124)")
    assert seen.complaints == []
    await seen.page.context.close()


async def test_everything_can_be_reached_by_keyboard_and_has_a_name(browser: Browser, address: str) -> None:
    """The first stop leads past the frame; every control is labelled."""
    seen = await opened(browser, f"{address}/dashboard")
    await seen.page.keyboard.press("Tab")
    assert await tree(seen.page, "document.activeElement.textContent") == "Skip to content"
    unnamed = "[...document.querySelectorAll('select, input:not([type=hidden])')].filter(e => !e.labels.length).length"
    assert await tree(seen.page, unnamed) == 0
    await seen.page.get_by_label("Group by").select_option("service")
    await seen.page.get_by_role("button", name="Show").click()
    await seen.page.wait_for_url("**/dashboard?meter=cpu&range=30d&window=day&group=service")
    await seen.page.context.close()


def rgb(colour: str) -> str:
    """Answer #rrggbb as browsers compute it."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"

"""The pages as a browser asks for them: sessions, forms from elsewhere, styles and scripts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from api.routes import pages
from api.routes.pages import offered
from api.session import HOME, ours
from dashboards.csp import CSP
from meter.database import connect
from meter.errors import Busy
from tests.api.site import OPERATOR_KEY, Site, problem
from tests.meter.cast import METERS


async def sign_in(client: httpx.AsyncClient, key: str, after: str = HOME, **headers: str) -> httpx.Response:
    """Send the form of the sign-in page."""
    return await client.post("/signin", data={"key": key, "after": after}, headers=headers)


async def test_without_a_session_every_page_leads_to_the_way_in(site: Site) -> None:
    """And from there back to where the person wanted to go; a script gets a 401 instead."""
    async with site.client(None) as browser:
        root = await browser.get("/")
        page = await browser.get("/dashboard?meter=cpu&range=7d")
        figure = await browser.get("/dashboard/trends.json")
        form = await browser.get(page.headers["location"])
    assert (root.status_code, root.headers["location"]) == (307, "/dashboard")
    assert (page.status_code, page.headers["location"]) == (
        303,
        "/signin?after=%2Fdashboard%3Fmeter%3Dcpu%26range%3D7d",
    )
    assert problem(figure) == "unauthorized"
    assert 'name="after" value="/dashboard?meter=cpu&amp;range=7d"' in form.text
    assert form.headers["content-security-policy"] == CSP


async def test_a_key_is_exchanged_for_a_session(site: Site) -> None:
    """The cookie is for us alone and is stored as a hash; the page shows the team's usage; signing out ends it."""
    team = await site.make_team("Zoë <b>& Co</b>")
    key = await site.make_key(team, "ingest", "read")
    event = {"id": "1", "meter": "documents", "quantity": 12, "time": datetime.now(UTC).isoformat(), "service": "web"}
    await site.post("/v1/events", event, key)
    async with site.client(None) as browser:
        signed = await sign_in(browser, key, "/dashboard?range=7d", Origin=site.url)
        token = browser.cookies["hm_session"]
        page = await browser.get(signed.headers["location"])
        figure = await browser.get(figure_url(page))
        await browser.post("/signout")
        browser.cookies.set("hm_session", token)
        after = await browser.get("/dashboard")
    cookie = signed.headers["set-cookie"]
    assert (signed.status_code, signed.headers["location"]) == (303, "/dashboard?range=7d")
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"))
    assert "Secure" not in cookie, "this site is not served over https"
    assert page.status_code == 200
    assert "Zoë &lt;b&gt;&amp; Co&lt;/b&gt;" in page.text
    assert "<h1>Documents</h1>" in page.text, "it opens with a meter that was used"
    assert figure.json().keys() == {"data", "layout", "config", "themes"}
    assert after.status_code == 303
    async with await connect(site.database) as conn:
        rows = await (await conn.execute("select s::text from session s")).fetchall()
    assert token not in str(rows)


def figure_url(page: httpx.Response) -> str:
    """Answer where the page's script gets its figure."""
    found = re.search('data-figure-url="([^"]+)"', page.text)
    assert found, page.text
    return found.group(1).replace("&amp;", "&")


async def test_a_group_is_shown_as_a_table_and_in_the_figure(site: Site) -> None:
    """Grouped by a dimension, both ask the same question."""
    key = await site.make_key(await site.make_team(), "ingest", "read")
    now = datetime.now(UTC).isoformat()
    events = [{"id": s, "meter": "requests", "quantity": 5, "time": now, "service": s} for s in ("api-1", "etl-2")]
    await site.post("/v1/events", events, key)
    async with site.client(None) as browser:
        await sign_in(browser, key)
        page = await browser.get("/dashboard?meter=requests&group=service")
        figure = await browser.get(figure_url(page))
    assert "api-1" in page.text
    assert {trace["name"] for trace in figure.json()["data"]} == {"api-1", "etl-2"}


async def test_the_session_ends_with_time_and_with_its_key(site: Site) -> None:
    """After twelve hours, and at once when the key is revoked."""
    team = await site.make_team()
    made = await site.post(f"/v1/teams/{team}/keys", {"name": "k", "scopes": ["read"]})
    async with site.client(None) as browser, site.client() as operator:
        await sign_in(browser, made["key"])
        assert (await browser.get("/dashboard")).status_code == 200
        site.clock.ahead = timedelta(hours=12, seconds=1)
        assert (await browser.get("/dashboard")).status_code == 303
        site.clock.ahead = timedelta()
        assert (await browser.get("/dashboard")).status_code == 200
        await operator.delete(f"/v1/teams/{team}/keys/{made['id']}")
        assert (await browser.get("/dashboard")).status_code == 303
        assert (await sign_in(browser, made["key"])).status_code == 401


@pytest.mark.parametrize("key", ["", "hm_unknown", "\0", "x" * 5_000])
async def test_a_key_that_opens_nothing(site: Site, key: str) -> None:
    """The form comes back with a sentence and without the key."""
    async with site.client(None) as browser:
        answer = await sign_in(browser, key)
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert 'role="alert"' in answer.text
    assert not key or key not in answer.text


async def test_a_key_that_may_not_read_opens_nothing(site: Site) -> None:
    """A collector's key is in many places; it shows no usage to whoever finds it."""
    key = await site.make_key(await site.make_team(), "ingest")
    async with site.client(None) as browser:
        assert (await sign_in(browser, key)).status_code == 401


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
@pytest.mark.parametrize("path", ["/signin", "/signout"])
async def test_forms_of_other_sites_are_refused(site: Site, path: str, headers: dict[str, str]) -> None:
    """Nobody is signed in or out by a page of somebody else."""
    async with site.client(None) as browser:
        answer = await browser.post(path, data={"key": OPERATOR_KEY}, headers=headers)
    assert problem(answer) == "forbidden"


async def test_the_cookie_is_secure_where_the_browser_uses_https(site: Site) -> None:
    """Behind a proxy that ends TLS, the browser's own Origin says so."""
    host = site.url.removeprefix("http://")
    async with site.client(None) as browser:
        answer = await sign_in(browser, OPERATOR_KEY, Origin=f"https://{host}")
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "", "/a\nb", "/\t/x", "/中"]
)
def test_nobody_is_led_elsewhere(path: str) -> None:
    """What is no path of ours becomes the first page."""
    assert ours(path) == HOME


def test_paths_of_ours_are_kept() -> None:
    """A page, its query and an encoded slash in it."""
    assert ours("/dashboard?a=b%2F/c") == "/dashboard?a=b%2F/c"


async def test_the_operator_looks_at_one_team_at_a_time(site: Site) -> None:
    """`?team=` picks one, the pick is remembered, an unknown one is a 404, and a forgotten pick is no trap."""
    team = await site.make_team("The picked one")
    async with site.client(None) as browser:
        await sign_in(browser, OPERATOR_KEY)
        first = await browser.get("/dashboard")
        picked = await browser.get(f"/dashboard?team={team}")
        remembered = await browser.get("/dashboard")
        unknown = await browser.get(f"/dashboard?team={uuid4()}")
        malformed = await browser.get("/dashboard?team=x")
        browser.cookies.set("hm_team", str(uuid4()), domain=site.settings.host)
        trapped = await browser.get("/dashboard")
    assert first.status_code == trapped.status_code == 200
    assert "The picked one" in picked.text
    assert "The picked one" in remembered.text
    assert problem(unknown) == problem(malformed) == "not_found"


async def test_a_team_key_can_look_at_no_other_team(site: Site) -> None:
    """`?team=` of another changes nothing for a team's own session."""
    mine, theirs = await site.make_team("Mine alone"), await site.make_team("Theirs alone")
    async with site.client(None) as browser:
        await sign_in(browser, await site.make_key(mine, "read"))
        page = await browser.get(f"/dashboard?team={theirs}")
    assert "Mine alone" in page.text
    assert "Theirs alone" not in page.text


async def test_a_page_whose_numbers_cant_be_had_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page comes with the reason in place of the figure."""

    async def busy(*_: object) -> None:
        raise Busy("the child is busy")

    monkeypatch.setattr(pages, "answer", busy)
    async with site.client(None) as browser:
        await sign_in(browser, await site.make_key(await site.make_team(), "read"))
        page = await browser.get("/dashboard")
        figure = await browser.get("/dashboard/trends.json")
    assert "The usage could not be shown" in page.text
    assert "the child is busy" in page.text
    assert (figure.status_code, problem(figure)) == (503, "busy")


async def test_static_files_are_kept_for_ever_under_the_name_of_their_content(site: Site) -> None:
    """Every file a page names is there with its type, packed on request; only listed files are."""
    async with site.client(None) as browser:
        page = await browser.get("/signin")
        addresses = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)) | {"/static/plotly.min.js"}
        for address in addresses:
            packed = await browser.get(address)
            plain = await browser.get(address, headers={"Accept-Encoding": "identity"})
            again = await browser.get(address, headers={"If-None-Match": plain.headers["etag"]})
            assert packed.content == plain.content
            assert plain.headers["content-type"].count("charset") <= 1
            assert ("immutable" in plain.headers["cache-control"]) is ("?v=" in address)
            assert (again.status_code, again.content) == (304, b"")
        for nothing in ("/static/nope.js", "/static/..%2Fcsp.py", "/static/plotly.css/x"):
            assert problem(await browser.get(nothing)) == "not_found"
        stale = await browser.get("/static/plotly.css?v=000000000000")
    assert "immutable" not in stale.headers["cache-control"]


async def test_invoices_are_listed_and_their_pdf_downloaded(site: Site) -> None:
    """A team sees its own; the PDF comes under its number; another team's session finds neither."""
    team, other = await site.make_team("Ours"), await site.make_team("Theirs")
    key, stranger = await site.make_key(team, "ingest", "read", "admin"), await site.make_key(other, "read")
    event = {"id": "1", "meter": "tokens.input", "quantity": 6548, "time": "2026-10-05T09:00:00Z"}
    await site.post("/v1/events", event, key)
    made = await site.post(f"/v1/teams/{team}/invoices", {"from": "2026-10-01", "to": "2026-11-01"}, key)
    async with site.client(None) as browser:
        await sign_in(browser, key)
        listed = await browser.get("/dashboard/invoices")
        pdf = await browser.get(f"/dashboard/invoices/{made['id']}/pdf")
    async with site.client(None) as browser:
        await sign_in(browser, stranger)
        empty = await browser.get("/dashboard/invoices")
        refused = await browser.get(f"/dashboard/invoices/{made['id']}/pdf")
    assert made["number"] in listed.text
    assert f"/dashboard/invoices/{made['id']}/pdf" in listed.text
    assert pdf.content.startswith(b"%PDF-")
    assert f'filename="{made["number"]}.pdf"' in pdf.headers["content-disposition"]
    assert made["number"] not in empty.text
    assert refused.status_code == 404


@pytest.mark.parametrize("slug", ["calls", "people", "slowest", "depth", "cpu"])
def test_only_what_adds_up_is_drawn_as_a_sum_of_groups(slug: str) -> None:
    """Sums, counts and levels over time do; a unique count, a percentile or a latest value of groups is no total."""
    assert offered(METERS[slug]).additive is (slug in {"calls", "cpu"})

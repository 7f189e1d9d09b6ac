"""A little web site of our pages with made-up usage, served as the API serves them: same paths, same content policy."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import sin, tau

import msgspec
import polars as pl

from analytics.trends import SEASON, span_of, trend
from dashboards import trend_choice
from dashboards.assets import ASSETS, PREFIX
from dashboards.csp import CSP
from dashboards.documents import invoice_csp, invoice_html
from dashboards.invoice import Status
from dashboards.pages import invoices, signin, statement, trends
from dashboards.pages.statement import Links
from dashboards.render import render
from dashboards.trend_choice import Choice
from dashboards.trend_view import MeterView, TrendView
from tests.dashboards import samples

NOW = datetime(2025, 11, 20, 9, 40, tzinfo=UTC)
TZ = "Europe/Berlin"
TEAM = "Acme Research"
METERS = (
    MeterView("cpu", "CPU", "core-hours"),
    MeterView("tokens.input", "Input tokens", "tokens", group_by=("member", "service", "model")),
    MeterView("response_time", "Response time", "ms", additive=False),
)
SERVICES = ("api", "worker", "search <b>v2</b>", "mail", "etl", "cron", "auth", "web", "proxy", "cache")
LONGEST = timedelta(days=400)


@cache
def usage(groups: tuple[str | None, ...]) -> pl.DataFrame:
    """Make hours of usage with days, weeks, growth, one outage of 30 hours and one spike."""
    first = NOW.replace(minute=0) - 2 * LONGEST
    hours = int((NOW - first) / timedelta(hours=1)) + 1
    times = [first + timedelta(hours=at) for at in range(hours)]
    outage = NOW - timedelta(days=9)
    frames = [
        pl.DataFrame(
            {
                "start": times,
                "quantity": [
                    _level(at, time, size) if not outage <= time < outage + timedelta(hours=54) else None
                    for at, time in enumerate(times)
                ],
                "group": [group] * hours,
            },
            schema={"start": pl.Datetime("us", "UTC"), "quantity": pl.Decimal(38, 12), "group": pl.String},
        )
        for size, group in enumerate(groups, 1)
    ]
    return pl.concat(frames)


def _level(at: int, time: datetime, size: int) -> Decimal:
    day = 1.6 + sin((time.hour - 8) / 24 * tau)
    week = 0.55 if time.weekday() > 4 else 1.0
    spike = 3.0 if time.day == 28 and time.hour == 13 else 1.0
    noise = ((at * 7919 + size * 104729) % 97) / 97
    return Decimal(repr(round((day * week * spike + noise * 0.4) * (1 + at / 30000) * 12 / size, 6)))


def trend_view(choice: Choice, groups: tuple[str | None, ...] = (None,)) -> TrendView:
    """Answer the trend of made-up usage as the page gets it: computed by analytics, converted as the API does it."""
    from_, to = trend_choice.bounds(choice, NOW, TZ)
    span = span_of(from_, to, choice.window, TZ)
    rows = usage((*SERVICES, None))
    if groups == (None,):
        added = pl.col("quantity").drop_nulls()
        rows = rows.group_by("start", maintain_order=True).agg(
            pl.when(added.len() > 0).then(added.sum()), pl.lit(None, pl.String).alias("group")
        )
    rows = rows.filter(pl.col("start").is_between(span.read_from, span.to, closed="left"), pl.col("start") < NOW)
    if not choice.meter.additive:
        rows = rows.group_by_dynamic("start", every="1d" if SEASON[choice.window] == 7 else "1h", group_by="group").agg(
            pl.col("quantity").mean()
        )
    answer = trend(rows, from_=from_, to=to, window=choice.window, tz=TZ, now=NOW, additive=choice.meter.additive)
    return msgspec.convert(answer, TrendView, from_attributes=True)


def trends_page(query: Mapping[str, str], problem: str = "", *, empty: bool = False) -> str:
    """Render the trends page as the API would for a query."""
    choice = trend_choice.choose(query, METERS)
    overall = None if problem else trend_view(choice)
    if overall and empty:
        nothing = trend(
            pl.DataFrame({"start": [], "quantity": []}),
            from_=overall.from_,
            to=overall.to,
            window=choice.window,
            tz=TZ,
            now=NOW,
        )
        overall = msgspec.convert(nothing, TrendView, from_attributes=True)
    grouped = trend_view(choice, (*SERVICES, None)) if choice.group and not problem else None
    return render(
        trends.TEMPLATE,
        **trends.context(
            team_name=TEAM,
            choice=choice,
            meters=METERS,
            overall=overall,
            grouped=grouped,
            as_of=NOW,
            tz=TZ,
            problem=problem,
        ),
    )


def figure(query: Mapping[str, str]) -> str:
    """Answer the figure's JSON as the API would for a query."""
    choice = trend_choice.choose(query, METERS)
    view = trend_view(choice, (*SERVICES, None) if choice.group else (None,))
    return json.dumps(trends.figure(view, choice.meter), allow_nan=False)


def invoice_rows() -> list[invoices.InvoiceRow]:
    """Make four months of invoices in four states."""
    months = [(2025, month) for month in (11, 10, 9, 8)]
    statuses: tuple[Status, ...] = ("draft", "open", "paid", "void")
    return [
        invoices.InvoiceRow(
            number=None if status == "draft" else f"HM-2025-{140 - at:06d}",
            status=status,
            period_from=datetime(year, month, 1, tzinfo=UTC),
            period_to=datetime(year, month + 1, 1, tzinfo=UTC),
            timezone="UTC",
            total=Decimal("1204.50") - 100 * at,
            currency="USD",
            issued_on=None if status == "draft" else date(year, month + 1, 1),
            due_on=None if status == "draft" else date(year, month + 1, 8),
            pdf_url=f"/v1/invoices/{at}/pdf",
        )
        for at, ((year, month), status) in enumerate(zip(months, statuses, strict=True))
    ]


def statement_page(*, alone: bool = False) -> str:
    """Render the statement of a month beside the month before, or of a first month."""
    this, last = samples.taxed("en"), None if alone else samples.everyday()
    links = Links("/v1/invoices/1/pdf", "/v1/invoices/1/csv", "/dashboard/invoices", "" if alone else "/dashboard")
    if last is not None:
        last = msgspec.structs.replace(last, currency=this.currency)
    return render(statement.TEMPLATE, **statement.context(team_name=TEAM, this=this, last=last, links=links))


def page(path: str, query: Mapping[str, str]) -> tuple[str, str]:
    """Answer media type and body of one of our pages."""
    html = "text/html; charset=utf-8"
    pages: dict[str, Callable[[], tuple[str, str]]] = {
        "/dashboard": lambda: (html, trends_page(query)),
        "/empty": lambda: (html, trends_page(query, empty=True)),
        "/error": lambda: (html, trends_page(query, "The database does not answer. Try again in a moment.")),
        "/no-figure": lambda: (html, trends_page(query).replace("/dashboard/trends.json", "/missing.json")),
        "/dashboard/trends.json": lambda: ("application/json", figure(query)),
        "/dashboard/invoices": lambda: (
            html,
            render("invoices.html", **invoices.context(team_name=TEAM, rows=invoice_rows())),
        ),
        "/invoice.html": lambda: (html, invoice_html(samples.taxed())),
        "/dashboard/invoices/1": lambda: (html, statement_page()),
        "/dashboard/invoices/2": lambda: (html, statement_page(alone=True)),
        "/signin": lambda: (
            html,
            render("signin.html", **signin.context(problem="That key is not known, or was revoked.")),
        ),
    }
    return pages[path]()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path, _, raw = self.path.partition("?")
        query = dict(pair.split("=", 1) for pair in raw.split("&") if "=" in pair)
        try:
            if path.startswith(PREFIX):
                asset = ASSETS[path.removeprefix(PREFIX)]
                self._answer(200, asset.media_type, asset.path.read_bytes())
            else:
                media_type, body = page(path, query)
                self._answer(200, media_type, body.encode(), invoice_csp() if path == "/invoice.html" else CSP)
        except KeyError:
            self._answer(404, "text/plain", b"not here")
        except ConnectionError:  # the browser went away; that is no failure of the page
            self.close_connection = True

    def _answer(self, status: int, media_type: str, body: bytes, policy: str = CSP) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


@contextmanager
def serve() -> Iterator[str]:
    """Serve the site on a free port of this machine and answer its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()

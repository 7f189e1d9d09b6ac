"""The PDF: what it says is what the document says, and the child that makes it is kept on a short lead."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from dashboards import pdf
from dashboards.documents import invoice_html, invoice_pdf
from dashboards.invoice import InvoiceDocument, view
from dashboards.pdf import PdfError, PdfTimeoutError, render_pdf
from tests.dashboards import samples

pytestmark = pytest.mark.slow
HANGS = (sys.executable, "-c", "import sys, time; sys.stdin.read(); time.sleep(60)")


def words(document: bytes) -> str:
    """Answer the text of a PDF with single spaces, as poppler reads it."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=document, capture_output=True, check=True)
    return " ".join(done.stdout.decode().split())


def shown(document: InvoiceDocument) -> Iterator[str]:
    """Answer every figure and name that the paper must carry."""
    seen = view(document)
    yield str(seen["total"])
    for pair in seen["facts"]:  # type: ignore[attr-defined]
        yield pair[1]
    for line in seen["lines"]:  # type: ignore[attr-defined]
        yield from (line[name] for name in ("description", "detail", "quantity", "included", "price", "per", "amount"))
    for row in seen["members"]["rows"]:  # type: ignore[index]
        yield from (row["name"], row["cost"], *row["cells"])
    yield from seen["notes"]  # type: ignore[misc]


async def test_the_pdf_says_what_the_document_says() -> None:
    """Every number, name, date and note is found in the text of the paper."""
    document = samples.everyday()
    text = words(await invoice_pdf(document))
    missing = [each for each in shown(document) if each and " ".join(each.split()) not in text]
    assert missing == []
    assert "Page 1 of 1" in text


async def test_tables_run_over_pages_with_their_head() -> None:
    """Each page repeats the head of its table and counts itself."""
    made = await render_pdf(invoice_html(samples.long()))  # all of it: the paper adds up what is very much
    text = words(made)
    assert text.count(" of 10") == 10
    assert (
        text.count("Description Quantity Included Unit price Amount")
        == text[: text.index("By member")].count("Page ") + 1
    )


async def test_many_lines_are_added_up_on_paper() -> None:
    """Two pages, not ten; what is added up is said, and comes to the same."""
    document = samples.long()
    text = words(await invoice_pdf(document))
    assert "Page 2 of 2" in text
    assert "Storage 1.750 175,00 € 140 lines" in text
    assert "62 other members" in text
    assert "This invoice has 140 lines and 101 member rows, added up here." in text


@pytest.mark.parametrize("name", ["taxed", "credit", "scripts"])
async def test_other_papers_say_all_of_it(name: str) -> None:
    """Sums, charts and what was paid; a total below zero; names in letters that no font here has."""
    document: InvoiceDocument = getattr(samples, name)()
    seen = view(document)
    text = words(await invoice_pdf(document))
    pairs = [*seen["sums"], *seen["settled"]]  # type: ignore[misc]
    told = [*(part for pair in pairs for part in pair), seen["to_pay"], seen["pay_words"]]
    told += [chart["most"] for chart in seen["charts"]]  # type: ignore[attr-defined]
    assert [each for each in told if " ".join(each.split()) not in text] == []
    if name == "scripts":
        assert "Ελένη Παπαδοπούλου" in text
        assert "山田 太郎" in text


def test_a_draft_says_so_across_the_page() -> None:
    """In large letters behind the text, so that nobody pays a copy of it; so does what is void."""
    void = msgspec.structs.replace(samples.everyday(), status="void")
    for document, word in ((samples.awkward(), "Draft"), (void, "Void")):
        assert f'<p class="watermark" aria-hidden="true">{word}</p>' in invoice_html(document)
    assert 'class="watermark"' not in invoice_html(samples.everyday())


async def test_the_same_document_is_the_same_file() -> None:
    """Nothing of the clock or of chance gets into the paper."""
    document = samples.awkward()
    assert await invoice_pdf(document) == await invoice_pdf(document)


class _Counting(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


async def test_nothing_is_fetched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a picture and a style sheet from the network nor a file from the disk, and it is logged once."""
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    handler = type("Handler", (_Counting,), {"asked": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        site = f"http://127.0.0.1:{server.server_address[1]}"
        html = (
            f'<link rel="stylesheet" href="{site}/a.css"><style>@import url("{site}/b.css");</style>'
            f'<img src="{site}/c.png"><img src="file://{secret}">'
            f'<link rel="attachment" href="file://{secret}">still here'
        )
        with caplog.at_level(logging.WARNING, "dashboards.pdf"):
            made = await render_pdf(html)
        server.shutdown()
        thread.join()
    assert handler.asked == []  # type: ignore[attr-defined]
    assert b"the secret" not in made
    assert "still here" in words(made)
    assert len(caplog.records) == 1
    assert "disallowed protocol" in caplog.records[0].message


async def test_a_hanging_render_is_killed() -> None:
    """The time limit ends the process, not only our waiting for it."""
    began = time.monotonic()
    marker = f"hang-{os.getpid()}"
    with pytest.raises(PdfTimeoutError, match=r"not done after 0\.3 s"):
        await render_pdf("<p>", timeout_s=0.3, command=(*HANGS, marker))
    assert time.monotonic() - began < 10
    assert marker not in _command_lines()


async def test_a_cancelled_request_leaves_no_process() -> None:
    """When the reader goes away, so does the child."""
    marker = f"cancel-{os.getpid()}"
    task = asyncio.create_task(render_pdf("<p>", command=(*HANGS, marker)))
    while marker not in _command_lines():  # noqa: ASYNC110 (another process: there is no event to wait for)
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert marker not in _command_lines()


def _command_lines() -> str:
    if not Path("/proc").is_dir():
        pytest.skip("processes are looked for in /proc")
    texts = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            texts.append(each.read_text(errors="replace"))
        except OSError:  # it ended while we looked
            continue
    return "\n".join(texts)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
async def test_too_much_memory_is_a_typed_error(caplog: pytest.LogCaptureFixture) -> None:
    """The child dies of it, we do not, and the log has the reason."""
    html = "<p>" + "x" * (48 << 20)
    with pytest.raises(PdfError, match="could not be made"):
        await render_pdf(html, memory_bytes=200 << 20)
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_the_child_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment has what fonts need, and none of our settings."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("METER_OPERATOR_KEY", "secret")
    program = "import os, sys; sys.stdin.read(); print('%PDF-', sorted(os.environ))"
    told = (await render_pdf("<p>", command=(sys.executable, "-c", program))).decode()
    assert "PATH" in told
    assert "DATABASE_URL" not in told
    assert "METER_OPERATOR_KEY" not in told


async def test_no_more_than_two_are_made_at_once(tmp_path: Path) -> None:
    """The third waits for a place."""
    program = (
        "import os, sys, pathlib, time; sys.stdin.read(); here = pathlib.Path(sys.argv[1]);"
        "me = here / str(os.getpid()); me.touch(); time.sleep(0.3);"
        "print('%PDF-', len(list(here.iterdir()))); me.unlink()"
    )
    command = (sys.executable, "-c", program, str(tmp_path))
    told = await asyncio.gather(*(render_pdf("<p>", command=command) for _ in range(5)))
    assert max(int(each.split()[1]) for each in told) <= pdf.AT_ONCE


def test_the_page_needs_nothing_from_outside() -> None:
    """Styles are inside, and there is no address that could be fetched."""
    html = invoice_html(samples.everyday())
    assert "<style>" in html
    assert not any(each in html for each in ("<link", "<script", "src=", "url("))

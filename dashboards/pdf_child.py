"""HTML on stdin, PDF on stdout: the process that may hang or grow, and that may fetch nothing.

Started by pdf.py with `python -m dashboards.pdf_child <memory in bytes> <cpu seconds>`.
"""

from __future__ import annotations

import logging
import resource
import sys


def limit(memory_bytes: int, cpu_s: int) -> None:
    """Bound this process, before WeasyPrint is loaded: beyond it an allocation fails, or the kernel ends us."""
    bounds = {resource.RLIMIT_CPU: cpu_s, resource.RLIMIT_CORE: 0}
    if sys.platform == "linux":  # elsewhere it is refused or means something else
        bounds[resource.RLIMIT_AS] = memory_bytes
    for name, value in bounds.items():
        _, ceiling = resource.getrlimit(name)
        allowed = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(name, (allowed, allowed))


def to_pdf(html: str) -> bytes:
    """Answer the PDF of a self-contained page, tagged for screen readers.

    Nothing may be fetched: styles and pictures (`data:`) come inside the HTML, and a document has no business on the
    network or on the disk. What is asked for all the same is left out, and said on stderr.
    """
    from weasyprint import HTML  # noqa: PLC0415 (after the limits)
    from weasyprint.urls import URLFetcher  # noqa: PLC0415

    document: bytes = HTML(string=html, url_fetcher=URLFetcher(allowed_protocols=("data",))).write_pdf(pdf_tags=True)
    return document


def main() -> None:
    """Convert what comes in; WeasyPrint's remarks go to stderr, where the parent logs them."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    limit(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.buffer.write(to_pdf(sys.stdin.buffer.read().decode()))


if __name__ == "__main__":
    main()

"""What a page of ours may load and run."""

from __future__ import annotations

# No inline script, no eval, and no inline style either: plotly's own rules are in plotly.css (see trends.html).
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

"""Which kinds of data are kept for how long? One line per class; what has no setting is kept for ever, and why."""

from __future__ import annotations

from typing import NamedTuple


class Class(NamedTuple):
    """A class of data, what is in it, the setting that says for how many days it is kept (None: for ever), and why."""

    name: str
    what: str
    setting: str | None
    why: str


CLASSES: tuple[Class, ...] = (
    Class("raw", "events as they were sent", "METER_KEEP_RAW_DAYS", "most of all rows; their sums stay"),
    Class("points", "points of collectors' streams", "METER_KEEP_POINTS_DAYS", "what they came to are events"),
    Class("buckets", "sums per series and quarter, hour and day", None, "the only record of usage that is left"),
    Class("corrections", "what was corrected, and how it was", None, "append-only: a bill must be explained later"),
    Class("invoices", "invoices, price versions, subscriptions", None, "the law asks for them for years"),
    Class("audit", "who did what", None, "append-only: a trail that can be cut short proves nothing"),
    Class("arrivals", "when events without a time first came", None, "a retry must be the same event"),
    Class("results", "forecasts made ahead", "METER_KEEP_RESULTS_DAYS", "made anew from usage, whoever asks"),
    Class("billing", "reports of billing runs", "METER_KEEP_BILLING_RUNS_DAYS", "what they made are invoices"),
    Class("mail", "what was mailed to whom", "METER_KEEP_MAIL_DAYS", "addresses of people; the invoice stays"),
    Class("runs", "runs of jobs, sign-ins, answers to retries", None, "`trim` forgets them within two weeks"),
)
"""Every class; the ledger and deliveries join with a line each when they come."""

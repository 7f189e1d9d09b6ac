"""Every way we say no: one class per stable code, and this file is the registry of codes.

A Problem becomes an RFC 9457 problem document at the edge; a Rejection (see model.py) carries the same codes for single
events. The class attributes are the contract, `detail` says what to change.
"""

from __future__ import annotations

from typing import ClassVar


class Problem(Exception):  # noqa: N818 - the name that RFC 9457 gives it
    """Base of everything a client is told: `status` for HTTP, a stable `code`, a `title` and a helpful `detail`."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    title: ClassVar[str] = "The request can't be understood"
    retry_after_s: ClassVar[int | None] = None

    def __init__(self, detail: str | None = None, **members: object) -> None:
        """Says no with `detail` (what to change); `members` are extra fields of the problem document."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.members = members


class InvalidBody(Problem):
    """Nothing of the body can be read."""

    code = "invalid_body"
    title = "The body can't be read"


class InvalidParameter(Problem):
    """A query or path parameter is missing or out of its range."""

    code = "invalid_parameter"
    title = "A parameter is not valid"


class BodyTooLarge(Problem):
    """The body is larger than we take, before or after decompression."""

    status = 413
    code = "body_too_large"
    title = "The body is too large"


class BatchTooLarge(Problem):
    """The batch has more events than we take at once."""

    status = 413
    code = "batch_too_large"
    title = "The batch has too many events"


class UnsupportedEncoding(Problem):
    """The Content-Encoding or Content-Type is not one we read."""

    status = 415
    code = "unsupported_encoding"
    title = "This encoding or media type is not supported"


class Unauthorized(Problem):
    """No key, or one that is unknown, revoked or expired."""

    status = 401
    code = "unauthorized"
    title = "A valid key is needed"


class Forbidden(Problem):
    """The key is known but lacks the scope."""

    status = 403
    code = "forbidden"
    title = "This key may not do that"


class UnknownMember(Problem):
    """X-User-ID names nobody of the team, on a route that registers nobody."""

    status = 403
    code = "unknown_member"
    title = "There is no such member in this team"


class NotFound(Problem):
    """It does not exist, or belongs to another team: both look the same."""

    status = 404
    code = "not_found"
    title = "There is no such thing here"


class MethodNotAllowed(Problem):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"
    title = "This method is not allowed here"


class UnknownMeter(Problem):
    """A query names a meter that the team does not have."""

    status = 404
    code = "unknown_meter"
    title = "There is no such meter"


class IdempotencyConflict(Problem):
    """The same Idempotency-Key came with another request."""

    status = 409
    code = "idempotency_conflict"
    title = "This Idempotency-Key was used for another request"


class InvoiceExists(Problem):
    """The period has its invoice already."""

    status = 409
    code = "invoice_exists"
    title = "This period already has an invoice"


class Unpriced(Problem):
    """Usage without a price: an alarm, never zero."""

    status = 409
    code = "unpriced_usage"
    title = "Some usage has no price"


class RawDataGone(Problem):
    """The range cuts a quarter of an hour whose raw events are dropped."""

    status = 410
    code = "raw_data_gone"
    title = "Raw events of that time are gone"


class Busy(Problem):
    """We can't commit now; the same request may be sent again."""

    status = 503
    code = "busy"
    title = "We can't take this right now; send it again"
    retry_after_s = 2


class UnknownPlan(Problem):
    """A plan is named that no price book has."""

    code = "unknown_plan"
    title = "There is no such plan"


class NoSubscription(Problem):
    """The team has no plan, so there are no prices to bill it by."""

    status = 409
    code = "no_subscription"
    title = "This team has no plan"


class CurrencyMismatch(Problem):
    """The plan's prices are in another currency than asked for; nothing is converted."""

    status = 409
    code = "currency_mismatch"
    title = "This plan is in another currency"


class PeriodNotOver(Problem):
    """Usage may still come for the period; until it is over there is a preview."""

    status = 409
    code = "period_not_over"
    title = "This period is not over"


class NotRateable(Problem):
    """The usage as it is stored can't be priced: negative, or more than a number holds."""

    status = 409
    code = "not_rateable"
    title = "This usage can't be priced"


class InternalError(Problem):
    """Our own failure; logged once under the request id."""

    status = 500
    code = "internal_error"
    title = "Something failed on our side"


CODES: tuple[type[Problem], ...] = tuple(Problem.__subclasses__())

EVENT_CODES: dict[str, str] = {
    "invalid_event": "The event can't be read: a field is missing, unknown, or of the wrong type.",
    "invalid_quantity": "The quantity is not a finite number from 0 to 10^26 with at most 12 decimals.",
    "invalid_time": "The time has no zone, or is not a time.",
    "time_in_future": "The time is more than five minutes ahead of ours.",
    "too_late": "The time lies before what is still accepted or kept as raw events.",
    "unknown_meter": "The team has no meter of that name.",
    "undeclared_dimension": "The meter does not declare that dimension.",
    "too_many_dimensions": "More dimensions than allowed.",
    "string_too_long": "A string is longer than allowed, empty where it must not be, or has a NUL.",
    "identity_missing": "An event must bring an id or a time.",
    "quantity_missing": "Bring either `meter` and `quantity`, or `quantities`.",
    "duration_not_allowed": "Only time-weighted meters take a duration.",
    "invalid_duration": "The duration must be above zero, at most 31 days, in whole microseconds.",
    "id_conflict": "The same identity is stored with another quantity, series or duration.",
}

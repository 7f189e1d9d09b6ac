"""Every way we say no: one class per stable code, and this file is the registry of codes.

A Problem becomes an RFC 9457 problem document at the edge. The class attributes are the contract, `detail` says what to
change. What is refused of single events has codes of its own, in event_codes.py.
"""

from __future__ import annotations

from typing import ClassVar


class Problem(Exception):  # noqa: N818 - the name that RFC 9457 gives it
    """Base of everything a client is told: `status` for HTTP, a stable `code`, a `title` and a helpful `detail`.

    docs/problems.md is made of each class: its docstring says when it happens, `remedy` what to do about it. Where the
    same request may succeed later, `retry_after_s` is when.
    """

    status: int = 400
    code: ClassVar[str] = "bad_request"
    title: ClassVar[str] = "The request can't be understood"
    remedy: ClassVar[str] = ""
    retry_after_s: int | None = None

    def __init__(self, detail: str | None = None, **members: object) -> None:
        """Says no with `detail` (what to change); `members` are extra fields of the problem document."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.members = members
        self.headers: dict[str, str] = {}


def told(error: Exception) -> str:
    """What is noted where an error keeps a job from a subject: `code: detail`; of one that nobody foresaw its type."""
    return f"{error.code}: {error.detail}" if isinstance(error, Problem) else f"internal: {type(error).__name__}"


class InvalidBody(Problem):
    """Nothing of the body can be read."""

    code = "invalid_body"
    title = "The body can't be read"
    remedy = "Correct what `detail` names; nothing of the body was stored."


class InvalidParameter(Problem):
    """A parameter in query, path or headers is missing, unknown or out of its range."""

    code = "invalid_parameter"
    title = "A parameter is not valid"
    remedy = "Correct the parameter that `detail` names."


class BodyTooLarge(Problem):
    """The body is larger than we take, before or after decompression."""

    status = 413
    code = "body_too_large"
    title = "The body is too large"
    remedy = "Send it in parts; `limit_bytes` says how large one may be, unpacked."


class BatchTooLarge(Problem):
    """The batch has more events than we take at once."""

    status = 413
    code = "batch_too_large"
    title = "The batch has too many events"
    remedy = "Send the events in smaller batches."


class PointsRefused(Problem):
    """Some points of the body can't be counted; the others are stored."""

    code = "points_refused"
    title = "Some points can't be counted"
    remedy = "Correct what `detail` names at its source; sending the same body again changes nothing."

    def __init__(self, detail: str | None = None, headers: dict[str, str] | None = None) -> None:
        """Says which and why; `headers` are of the answer, whatever it is."""
        super().__init__(detail)
        self.headers |= headers or {}


class EventsRefused(Problem):
    """Some events of the body can't be counted; the others are stored. `rejected` lists them as receipts do."""

    code = "events_refused"
    title = "Some events can't be counted"
    remedy = "Correct the events that `rejected` names; sending the others again changes nothing."


class UnsupportedEncoding(Problem):
    """The Content-Encoding or Content-Type is not one we read."""

    status = 415
    code = "unsupported_encoding"
    title = "This encoding or media type is not supported"
    remedy = "Send what the address takes (JSON, or a collector's own form), packed as `detail` says or not at all."


class Unauthorized(Problem):
    """No key, or one that is unknown, revoked or expired."""

    status = 401
    code = "unauthorized"
    title = "A valid key is needed"
    remedy = "Send a key that is in force as `Authorization: Bearer hm_…`."


class Forbidden(Problem):
    """The key is known but lacks the scope."""

    status = 403
    code = "forbidden"
    title = "This key may not do that"
    remedy = "Use a key with the scope that `detail` names, or act for a member who may."


class UnknownMember(Problem):
    """X-User-ID names nobody of the team, on a route that registers nobody."""

    status = 403
    code = "unknown_member"
    title = "There is no such member in this team"
    remedy = "Name a member of the team in X-User-ID, or leave it out."


class NotFound(Problem):
    """It does not exist, or belongs to another team: both look the same."""

    status = 404
    code = "not_found"
    title = "There is no such thing here"
    remedy = "Look at the id and at whose key it is."


class MethodNotAllowed(Problem):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"
    title = "This method is not allowed here"
    remedy = "Use a method of the `Allow` header."


class UnknownMeter(Problem):
    """A query names a meter that the team does not have."""

    status = 404
    code = "unknown_meter"
    title = "There is no such meter"
    remedy = "Name a meter that `GET /v1/meters` lists."


class ChangedMeanwhile(Problem):
    """If-Match names another version than there is: somebody else changed it."""

    status = 412
    code = "changed_meanwhile"
    title = "It was changed meanwhile"
    remedy = "Look at it again, then send the change with the new ETag."


class KeyEnded(Problem):
    """The key was revoked or has expired, so it gets no other secret."""

    status = 409
    code = "key_ended"
    title = "This key has ended"
    remedy = "Make another key."


class LastOperatorKey(Problem):
    """Without this key nobody could operate the service."""

    status = 409
    code = "last_operator_key"
    title = "This is the operator's last key"
    remedy = "Make another key of the operator that does not expire, then revoke this one."


class LastOwner(Problem):
    """A team has an owner at all times."""

    status = 409
    code = "last_owner"
    title = "This is the team's last owner"
    remedy = "Make somebody else an owner first, or delete the team."


class AlreadyMember(Problem):
    """There is such a member already."""

    status = 409
    code = "already_member"
    title = "There is such a member already"
    remedy = "Change the member that is there."


class TeamDeleted(Problem):
    """The team is deleted: what it was is kept, nothing of it changes."""

    status = 409
    code = "team_deleted"
    title = "This team is deleted"
    remedy = "Make another team."


class TeamHasInvoices(Problem):
    """Billing periods begin at the team's midnight, so its zone stays once it was billed."""

    status = 409
    code = "team_has_invoices"
    title = "This team was billed already"
    remedy = "Make a team in the other zone, or leave the zone as it is."


class InvalidInvitation(Problem):
    """The token is of no invitation that can be accepted: never made, expired, revoked, accepted or sent anew."""

    status = 404
    code = "invalid_invitation"
    title = "This invitation is not valid"
    remedy = "Ask whoever invited you to send the invitation again."


class InvitationEnded(Problem):
    """The invitation was accepted or revoked."""

    status = 409
    code = "invitation_ended"
    title = "This invitation has ended"
    remedy = "Make another invitation."


class InvalidMeter(Problem):
    """There can't be a meter like that: something of it does not fit the rest, or has no such form."""

    code = "invalid_meter"
    title = "There can't be such a meter"
    remedy = "Correct what `detail` names; nothing was stored."


class MeterExists(Problem):
    """The name is taken: prices, invoices and senders name a meter by it, so it means one thing to each team."""

    status = 409
    code = "meter_exists"
    title = "There is a meter of that name"
    remedy = "Take another name, or put the archived meter of that name back into use."


class InvalidBudget(Problem):
    """There can't be a budget like that: something of it does not fit the rest, or nobody is called that."""

    code = "invalid_budget"
    title = "There can't be such a budget"
    remedy = "Correct what `detail` names; nothing was stored."


class MeterInUse(Problem):
    """Something of a meter would change that what was counted depends on; `fields` names it."""

    status = 409
    code = "meter_in_use"
    title = "This meter has counted something already"
    remedy = "Make another meter, send to that from now on, and archive this one."


class InvalidMapping(Problem):
    """A mapping can't be used as it is written: it can't be read, or names what there is not."""

    code = "invalid_mapping"
    title = "There can't be such a mapping"
    remedy = "Correct what `detail` names; the mapping stays as it was."


class IdempotencyConflict(Problem):
    """The same Idempotency-Key came with another request."""

    status = 409
    code = "idempotency_conflict"
    title = "This Idempotency-Key was used for another request"
    remedy = "Use a new Idempotency-Key for a new request, or repeat the first one unchanged."


class InvoiceExists(Problem):
    """The period has its invoice already."""

    status = 409
    code = "invoice_exists"
    title = "This period already has an invoice"
    remedy = "Fetch the invoice that is there."


class InvoiceNumberTaken(Problem):
    """The seller's format of numbers was changed, and the next number by it is that of an earlier invoice."""

    status = 409
    code = "invoice_number_taken"
    title = "The next invoice number was given before"
    remedy = "The operator writes a METER_INVOICE_NUMBER that can't make earlier numbers, as with another prefix."


class InvoiceState(Problem):
    """What becomes of an invoice follows its status: a paid one can't be voided, a draft can't be paid."""

    status = 409
    code = "invoice_state"
    title = "The invoice is not in a state for that"
    remedy = "Fetch the invoice: `status` says what it is."


class UsageDiffers(Problem):
    """What was rolled up is not what the raw events say: our failure, and nobody is billed by it."""

    status = 500
    code = "usage_differs"
    title = "The usage of this period does not add up"
    remedy = "Ask the operator: `meter doctor` finds what is wrong, and the period can be billed once it is put right."


class Unpriced(Problem):
    """Usage without a price: an alarm, never zero."""

    status = 409
    code = "unpriced_usage"
    title = "Some usage has no price"
    remedy = "Give the named meters a price, then bill again."


class RawDataGone(Problem):
    """The range cuts a quarter of an hour whose raw events are dropped."""

    status = 410
    code = "raw_data_gone"
    title = "Raw events of that time are gone"
    remedy = "Move `from` and `to` onto quarters of an hour."


class ArchiveAway(Problem):
    """Events that were dropped are in the archive, and a file of it can't be read."""

    status = 503
    code = "archive_away"
    title = "The archive can't be read"
    remedy = "Ask the operator: METER_ARCHIVE_DIR has to be there, and `meter archive verify` says which file is not."
    retry_after_s = 60


class Busy(Problem):
    """We can't commit now; the same request may be sent again."""

    status = 503
    code = "busy"
    title = "We can't take this right now; send it again"
    remedy = (
        "Send it again after `Retry-After` seconds; events that bring an id or a time count once however "
        "often they are sent."
    )
    retry_after_s = 2


class UnknownPlan(Problem):
    """A plan is named that no price book has."""

    code = "unknown_plan"
    title = "There is no such plan"
    remedy = "Name a plan that `GET /v1/prices/plans` lists."


class UnknownCoupon(Problem):
    """No price book has a coupon of this name."""

    code = "unknown_coupon"
    title = "There is no such coupon"
    remedy = "Write book/coupon, as the price book names it under [coupons]."


class PricesInUse(Problem):
    """A version of a price book would have made another invoice of one that is final."""

    status = 409
    code = "prices_in_use"
    title = "Invoices were made by these prices"
    remedy = "Put the version in force from the instant that `detail` names, or a later one; what was billed stays."


class PlanInUse(Problem):
    """A version of a price book lacks a plan, add-on or coupon that some team has."""

    status = 409
    code = "plan_in_use"
    title = "Teams have what the book lacks"
    remedy = "Keep it in the book; a plan with `retired = true` is offered to nobody new."


class DecisionRefused(Problem):
    """What is asked of a subscription can't be: `reason` says why, `detail` what to do instead."""

    status = 409
    code = "decision_refused"
    title = "The subscription can't be changed like this"
    remedy = "Do what `detail` says; `reason` is one of the words in docs/subscriptions.md."


class CreditsRefused(Problem):
    """What is asked of an account, grant or transaction can't be: `reason` says why, `detail` what to do instead."""

    status = 409
    code = "credits_refused"
    title = "The credits can't be changed like this"
    remedy = "Do what `detail` says; `reason` is one of the words in docs/credits.md."


class CreditRefused(Problem):
    """A credit note for more than is left of an invoice or line, or that can't go where it is to: `reason` says why."""

    status = 409
    code = "credit_refused"
    title = "This can't be credited"
    remedy = "Do what `detail` says; `left` is how much can be, and `reason` one of the words in docs/credit-notes.md."


class LimitReached(Problem):
    """A call would go beyond what the plan includes, or a budget in units or calls. `limits` shows them all."""

    status = 429
    code = "limit_reached"
    title = "A limit is reached"
    remedy = "Wait until it begins anew (`Retry-After`), ask for less, or have it raised; `limits` shows each."
    retry_after_s = 60


class BudgetSpent(Problem):
    """A call would go beyond a budget in money. `limits` shows them all."""

    status = 402
    code = "budget_spent"
    title = "A budget in money is spent"
    remedy = "Have the budget raised, or wait until it begins anew; `limits` says how each stands."


class CreditsExhausted(Problem):
    """The plan is paid before, and the balance does not cover the call. `billing` shows the balance."""

    status = 402
    code = "credits_exhausted"
    title = "The credits are used up"
    remedy = "Buy credits; `billing` says what there is."


class PriceUnknown(Problem):
    """A budget in money or a balance is on a call's way, and the plan has no price for what it uses."""

    status = 402
    code = "price_unknown"
    title = "Nobody knows what this costs"
    remedy = "Give the meter a price in the plan's book, or a budget that does not count it."


class LimitsUnavailable(Problem):
    """The database can't be asked now, and not every limit on the call's way lets pass then."""

    status = 503
    code = "limits_unavailable"
    title = "The limits can't be looked at now"
    remedy = "Ask again soon; a budget that `fails` open lets calls pass meanwhile."
    retry_after_s = 2


class ReservationClosed(Problem):
    """The reservation is settled with another event, or was released."""

    status = 409
    code = "reservation_closed"
    title = "The reservation is closed"
    remedy = "Push usage that came later as an event of its own."


class NoAccount(Problem):
    """The team, or the key that is named, has no account: no credits were ever put on one."""

    status = 409
    code = "no_account"
    title = "There is no account"
    remedy = "The operator opens it with the first credits: `POST /v1/admin/credits`. Without `key` it is the team's."


class NoSubscription(Problem):
    """The team has no plan, so there are no prices to bill it by."""

    status = 409
    code = "no_subscription"
    title = "This team has no plan"
    remedy = "Put the team on a plan first: `PUT /v1/teams/{team}/subscription`."


class CurrencyMismatch(Problem):
    """The plan's prices are in another currency than asked for; nothing is converted."""

    status = 409
    code = "currency_mismatch"
    title = "This plan is in another currency"
    remedy = "Ask in the plan's currency, or name a plan in the team's."


class PeriodNotOver(Problem):
    """Usage may still come for the period; until it is over there is a preview."""

    status = 409
    code = "period_not_over"
    title = "This period is not over"
    remedy = "Wait for the end of the period, or ask for a preview."


class NotRateable(Problem):
    """The usage as it is stored can't be priced: negative, or more than a number holds."""

    status = 409
    code = "not_rateable"
    title = "This usage can't be priced"
    remedy = "Correct the usage that `detail` names."


class CorrectionSuperseded(Problem):
    """An event of the correction was corrected again since, so it can't be put back as it was."""

    status = 409
    code = "correction_superseded"
    title = "Something of it was corrected again since"
    remedy = "Undo the later correction first, or correct the events anew."


class CorrectionUndone(Problem):
    """The correction is undone already, or is itself an undo."""

    status = 409
    code = "correction_undone"
    title = "This correction can't be undone any more"
    remedy = "Correct the events anew."


class AlreadyDecided(Problem):
    """The same was decided of a held event before."""

    status = 409
    code = "already_decided"
    title = "That is decided already"
    remedy = "Nothing needs to be done; `GET /v1/held` says what is decided of each."


class BackfillState(Problem):
    """The backfill is not in a state for that: `state` says which it is in."""

    status = 409
    code = "backfill_state"
    title = "The backfill is not ready for that"
    remedy = "Look at its `state`: events are taken before it is applied, and it is compared before that."


class NothingNoted(Problem):
    """What was there at that instant is not known: it lies before the first note of it that is kept."""

    status = 410
    code = "nothing_noted"
    title = "What was there then is not known"
    remedy = "Ask since a later instant; a worker notes what is there every minute, and notes are kept for 400 days."


class TimedOut(Problem):
    """The answer had not begun within METER_REQUEST_SECONDS; what was not committed by then is rolled back."""

    status = 503
    code = "timed_out"
    title = "This took too long; send it again"
    remedy = "Send it again after `Retry-After` seconds, as for `busy`; ask for less when it happens again."
    retry_after_s = 2


class QueryTooSlow(Problem):
    """Reading took longer than METER_QUERY_SECONDS and was stopped."""

    status = 504
    code = "query_too_slow"
    title = "This question takes too long to answer"
    remedy = "Ask for a shorter range, longer windows or fewer groups; the same question would take as long again."


class BodyTooSlow(Problem):
    """The body had not arrived whole within METER_BODY_SECONDS; nothing of it was stored."""

    status = 408
    code = "body_too_slow"
    title = "The body took too long to arrive"
    remedy = "Send it again, packed or in smaller parts."


class RateLimited(Problem):
    """One key makes more requests per second than METER_KEY_REQUESTS_PER_SECOND; nothing was stored.

    Addresses whose clients would drop data on 429 answer it with 503.
    """

    status = 429
    code = "rate_limited"
    title = "Too many requests with this key"
    remedy = "Wait `Retry-After` seconds, then send it again; put more events into each request."
    retry_after_s = 1

    def __init__(self, detail: str | None = None, retry_after_s: int = 1, status: int = 429) -> None:
        """Says when to come again; `status` is 503 for clients that would drop data on 429."""
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.status = status


class InternalError(Problem):
    """Our own failure; logged once under the request id."""

    status = 500
    code = "internal_error"
    title = "Something failed on our side"
    remedy = "Tell the operator the `request_id`, under which it is logged; a retry may meet it again."


CODES: tuple[type[Problem], ...] = tuple(Problem.__subclasses__())

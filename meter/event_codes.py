"""Why a single event or point is not taken, or makes no usage: the registries of these codes, with remedies.

Receipts carry those of events, the list of what no rule takes carries the reasons of what is unmapped.
"""

from __future__ import annotations

from typing import NamedTuple


class EventCode(NamedTuple):
    """When a code is given, and what to do about it."""

    when: str
    remedy: str


EVENT_CODES: dict[str, EventCode] = {
    "invalid_event": EventCode(
        "The event can't be read: a field is missing, unknown, or of the wrong type.",
        "Correct what `detail` names.",
    ),
    "invalid_quantity": EventCode(
        "The quantity is not a finite number from 0 to 10^26 with at most 12 decimals.",
        "Send such a number, best as a string.",
    ),
    "invalid_time": EventCode(
        "The time has no zone, or is not a time.",
        "Write an RFC 3339 time with its zone, as in `2026-11-20T09:00:00Z`.",
    ),
    "unsupported_point": EventCode(
        "The metric's points are of a sort that no usage can be made of: steps up and down, or of no said temporality.",
        "Export the metric with cumulative temporality.",
    ),
    "time_in_future": EventCode(
        "The time is more than five minutes ahead of ours.",
        "Set the sender's clock; the same event is taken once its time has come.",
    ),
    "outside_backfill": EventCode(
        "The event lies outside the range of a backfill, or is of a meter or labels that it is not of.",
        "Leave it out, or begin a backfill that is of it.",
    ),
    "too_late": EventCode(
        "The time lies before what is still accepted or kept as raw events.",
        "Ask the operator: METER_PAST_DAYS and what is kept of raw events decide.",
    ),
    "unknown_meter": EventCode(
        "The team has no meter of that name.",
        "Name a meter that `GET /v1/meters` lists, or have it made; then send the event again.",
    ),
    "meter_archived": EventCode(
        "The meter is archived: it takes no more events.",
        "Stop sending them, or have the meter put back into use.",
    ),
    "unique_value_missing": EventCode(
        "The meter counts different values, and the event lacks its value.",
        "Bring the value that `detail` names: the member, or the attribute.",
    ),
    "undeclared_dimension": EventCode(
        "The meter does not declare that dimension.",
        "Use the dimensions that the meter declares, or put it into `attributes`.",
    ),
    "too_many_dimensions": EventCode(
        "More dimensions than allowed.",
        "Leave some out, or put them into `attributes`.",
    ),
    "string_too_long": EventCode(
        "A string is longer than allowed, empty where it must not be, or has a NUL.",
        "Shorten it, or leave it out.",
    ),
    "identity_missing": EventCode(
        "An event must bring an id or a time.",
        "Give the event an `id`, best both.",
    ),
    "quantity_missing": EventCode(
        "Bring either `meter` and `quantity`, or `quantities`; a meter that counts events needs no quantity.",
        "Bring one of the two.",
    ),
    "duration_not_allowed": EventCode(
        "Only time-weighted meters take a duration.",
        "Leave `duration_seconds` out.",
    ),
    "invalid_duration": EventCode(
        "The duration must be above zero, at most 31 days, in whole microseconds.",
        "Send such a duration, a longer one in parts.",
    ),
    "id_conflict": EventCode(
        "The same identity is stored with another quantity, series or duration.",
        "Give another fact another id; what is stored stays as it is.",
    ),
    "no_rule": EventCode(
        "No rule of the mapping fits, and no meter has the name of the event's type.",
        "Write a rule for it, or one that ignores it; then send the event again.",
    ),
}

UNMAPPED_REASONS: dict[str, EventCode] = {
    "no_rule": EVENT_CODES["no_rule"]._replace(
        when="No rule of the mapping fits; of an event, no meter has the name of its type either.",
        remedy="Write a rule for it, or one that ignores it.",
    ),
    "not_countable": EventCode(
        "The rule's meter can't be made of values read like that: a gauge's don't add up, and counts do nothing else.",
        "Let the rule count to the sort of meter that `detail` names, or say in `read` how its values are meant.",
    ),
    "labels_too_long": EventCode(
        "The stream has more labels, or longer ones, than rules are asked about.",
        "Leave labels out where they are made, or where they are sent on.",
    ),
    "unknown_meter": EVENT_CODES["unknown_meter"]._replace(
        remedy="Name a meter that `GET /v1/meters` lists in the rule, or have it made."
    ),
    "meter_archived": EVENT_CODES["meter_archived"]._replace(
        remedy="Let the rule count to another meter or ignore it, or have the meter put back into use."
    ),
    "undeclared_dimension": EVENT_CODES["undeclared_dimension"]._replace(
        remedy="Leave the dimension out of the rule, or have the meter declare it."
    ),
    "too_many_dimensions": EVENT_CODES["too_many_dimensions"]._replace(remedy="Leave some out of the rule."),
    "string_too_long": EVENT_CODES["string_too_long"]._replace(
        remedy="Make it of other labels in the rule, or leave it out there."
    ),
}

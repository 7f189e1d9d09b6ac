"""Each case asked and compared: passed, argued (we differ, and say why), later (not ours yet), or failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import httpx
import msgspec

from tests.cases.case import Case, NotUnderstoodError
from tests.cases.compare import Difference, Figure, differences
from tests.cases.families import FAMILIES, LATER
from tests.cases.question import Answer, Body, Question
from tests.served import Client

PATH: Final = "/v1/billing/calculate"
Kind = Literal["passed", "argued", "later", "failed"]
KINDS: Final[tuple[Kind, ...]] = ("passed", "argued", "later", "failed")
LAST_DIGIT: Final = "that figure is a binary double there, and its last digit is not the exact one"
# Differences that no rule says; each with its reason.
ARGUED: Final[dict[str, str]] = {}
Ask = Callable[[Body], Answer]


class RefusedError(Exception):
    """The service refused a question, and says why."""


@dataclass(frozen=True)
class Outcome:
    """What became of a case; `said` is the reason, the work order, or what is different."""

    id: str
    kind: Kind
    said: tuple[str, ...] = ()


def asks(client: Client) -> Ask:
    """How a question is put to a service."""

    def ask(body: Body) -> Answer:
        answer = client.http.post(PATH, content=msgspec.json.encode(body))
        if answer.status_code != httpx.codes.OK:
            raise RefusedError(f"{answer.status_code} {answer.json()['detail']}")
        found: Answer = answer.json()
        return found

    return ask


def outcomes(cases: Iterable[Case], ask: Ask) -> Iterator[Outcome]:
    """What becomes of each case, in their order."""
    return (outcome(case, ask) for case in cases)


def outcome(case: Case, ask: Ask) -> Outcome:
    """What becomes of a case."""
    if case.model in LATER:
        return Outcome(case.id, "later", (LATER[case.model],))
    if case.model not in FAMILIES:
        return Outcome(case.id, "failed", (f"nobody knows the model {case.model!r}",))
    try:
        fresh = case.again()
        question = FAMILIES[case.model](fresh)
        fresh.finish()
    except NotUnderstoodError as error:
        return Outcome(case.id, "failed", (str(error),))
    wrong = _wrong(case, question, ask)
    if not wrong:
        return Outcome(case.id, "passed")
    reason = _reason(case, question, wrong, ask)
    if reason is not None:
        return Outcome(case.id, "argued", (reason,))
    return Outcome(case.id, "failed", tuple(map(str, wrong)))


def _wrong(case: Case, question: Question, ask: Ask) -> list[Difference]:
    """Where the answer is not what was expected."""
    try:
        answers = {name: ask(body) for name, body in question.bodies.items()}
    except RefusedError as error:
        return [Difference("the question", case.expected, None, f"is refused: {error}")]
    return list(differences(case.expected, question.found(answers)))


def _reason(case: Case, question: Question, wrong: list[Difference], ask: Ask) -> str | None:
    """Why we differ on purpose; None where nobody says so."""
    for other in question.instead:
        if not _wrong(case, other.question, ask):
            return other.reason
    if all(isinstance(each.got, Figure) and each.got.is_last_digit_off(str(each.expected)) for each in wrong):
        return LAST_DIGIT
    return ARGUED.get(case.id)


def report(found: list[Outcome]) -> str:
    """Ids by what became of them, reasons beside them, and a line that sums up."""
    parts = []
    for kind in KINDS:
        these = [each for each in found if each.kind == kind]
        parts.append(f"{kind} ({len(these)}):")
        if kind == "passed":
            parts += [f"  {each.id}" for each in these]
        else:
            parts += [f"  {each.id}: {said}" for each in these for said in each.said]
    counts = ", ".join(f"{sum(each.kind == kind for each in found)} {kind}" for kind in KINDS)
    return "\n".join([*parts, f"{len(found)} cases: {counts}"])

"""Two hundred teams and a year of random decisions each: nothing overlaps or is missing, and what is billed stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from meter.rating.periods import Period
from meter.subscriptions.changes import Cancel, Outcome, Start, Unused, standing, with_outcome
from meter.subscriptions.decide import cancel, change_plan, last_plan, resume, start
from meter.subscriptions.extras import give_coupon, set_addon, set_quantity, take_coupon
from meter.subscriptions.refusals import Refused
from meter.subscriptions.timeline import begun, coupons_in, periods, previous_period, stretch_at
from meter.subscriptions.wish import Choice, Facts, Phase, Step, When
from tests.subscriptions.cast import TICK, withdrawn
from tests.subscriptions.machine import CHECKS, FAR_AHEAD, timeline, until

ZONES = ["UTC", "Europe/Paris", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana", "America/St_Johns"]
PLANS = {
    "a": Choice("book/a"),
    "b": Choice("book/b", addons=frozenset({"x"}), quantities=frozenset()),
    "c": Choice("book/c", quantities=frozenset({"seats"})),
    "trial": Choice("book/trial", trial=(Step(14, "book/a"),)),
    "old": Choice("book/old", retired=True),
}
DAY = timedelta(days=1)
LAST = datetime(2027, 3, 1, tzinfo=UTC)
_whens = st.one_of(
    st.sampled_from(["now", "period_end"]),
    st.timedeltas(timedelta(days=-20), timedelta(days=70)),
    st.integers(-3, 60).map(lambda days: days * DAY),  # often the same instant, and often a midnight
)
_waits = st.just(timedelta()) | st.timedeltas(timedelta(days=3), timedelta(days=40))
_plans = st.sampled_from(list(PLANS.values()))
_unused = st.sampled_from(["credit", "refund", "none"])
_names = st.sampled_from(["seats", "x", "y"])


class Team(RuleBasedStateMachine):
    """A team through a year; `billed` are the periods that invoices were made for."""

    @initialize(
        zone=st.sampled_from(ZONES),
        begins=st.timedeltas(timedelta(), timedelta(days=60)),
        whole=st.booleans(),
        choice=_plans,
        restart=st.booleans(),
    )
    def begin(self, zone: str, begins: timedelta, whole: bool, choice: Choice, restart: bool) -> None:  # noqa: FBT001
        """A team somewhere, made at a midnight of UTC or at any moment; most have a plan from then on."""
        now = datetime(2026, 1, 1, tzinfo=UTC) + (timedelta(days=begins.days) if whole else begins)
        self.facts = Facts((), zone, now)
        self.billed: list[Period] = []
        self.wish(lambda f: start(f, choice, restart=restart))

    def wish(self, decide: Callable[[Facts], Outcome]) -> None:
        """Takes a decision, unless it is refused: what is over or billed stays as it was."""
        before = self.facts
        try:
            outcome = decide(before)
        except Refused:
            return
        assert outcome.decided or outcome.withdrawn
        changes = with_outcome(before.changes, outcome, before.now, "us")
        self.facts = msgspec.structs.replace(before, changes=changes)
        first = begun(before.changes)
        decided = (decision.at for decision in outcome.decided if before.operator)
        same = min((before.now, *decided, *(change.at for change in outcome.withdrawn)))
        if first is not None and first < same:  # what was used before there was a plan goes by the first there is
            old, new = (timeline(facts.changes, before.zone) for facts in (before, self.facts))
            assert until(new, same) == until(old, same)
        if not outcome.withdrawn:  # deciding, then withdrawing what was decided, leaves no trace
            ids = {change.id for change in changes} - {change.id for change in before.changes}
            assert standing(withdrawn(changes, *ids)) == before.standing

    def when(self, wait: timedelta, drawn: str | timedelta) -> When:
        """An instant about now; midnights of UTC are where whole days are drawn."""
        self.time_passes(wait)
        if isinstance(drawn, str):
            return "now" if drawn == "now" else "period_end"
        if drawn.seconds == 0 and drawn.microseconds == 0:
            return self.facts.now.replace(hour=0, minute=0, second=0, microsecond=0) + drawn
        return self.facts.now + drawn

    @property
    def subscribed(self) -> bool:
        """Whether there is a plan now that goes on as long as nothing is decided."""
        had = stretch_at(self.facts.changes, self.facts.now)
        return had is not None and not self.facts.to_come(Cancel)

    def time_passes(self, by: timedelta) -> None:
        """Nothing else happens."""
        self.facts = msgspec.structs.replace(self.facts, now=min(self.facts.now + by, LAST))

    @rule()
    def the_next_edge_comes(self) -> None:
        """It becomes exactly the instant of what is next."""
        ahead = [change.at for change in self.facts.standing if change.at > self.facts.now]
        if ahead:
            self.facts = msgspec.structs.replace(self.facts, now=min((*ahead, LAST)))

    @rule(operator=st.booleans())
    def somebody_else_decides(self, operator: bool) -> None:  # noqa: FBT001 - drawn
        """The operator, or the customer."""
        self.facts = msgspec.structs.replace(self.facts, operator=operator)

    @precondition(lambda self: not self.subscribed)
    @rule(
        wait=_waits,
        choice=_plans,
        drawn=_whens,
        anchor=st.integers(1, 31),
        restart=st.booleans(),
        phase=st.none() | _plans,
    )
    def starts(
        self,
        wait: timedelta,
        choice: Choice,
        drawn: str | timedelta,
        anchor: int,
        restart: bool,  # noqa: FBT001 - drawn
        phase: Choice | None,
    ) -> None:
        """A plan for a team that has none."""
        phases = [] if phase is None else [Phase(phase, self.facts.now + timedelta(days=100))]
        when = self.when(wait, drawn)
        self.wish(lambda f: start(f, choice, when, anchor_day=anchor, restart=restart, phases=phases))

    @rule(wait=_waits, choice=_plans, drawn=_whens, unused=_unused, restart=st.booleans())
    def changes_plan(
        self,
        wait: timedelta,
        choice: Choice,
        drawn: str | timedelta,
        unused: Unused,
        restart: bool,  # noqa: FBT001 - drawn
    ) -> None:
        """Another plan."""
        when = self.when(wait, drawn)
        self.wish(lambda f: change_plan(f, choice, when, unused=unused, restart=restart))

    @rule(wait=_waits, drawn=_whens, unused=_unused)
    def cancels(self, wait: timedelta, drawn: str | timedelta, unused: Unused) -> None:
        """No plan; taken back at once, all is as it was, unless a later start gave way."""
        when = self.when(wait, drawn)
        before = self.facts
        self.wish(lambda f: cancel(f, when, unused=unused))
        had = last_plan(before)
        ends = [c for c in self.facts.to_come(Cancel) if c not in before.changes]
        if had is None or not ends or before.to_come(Start, Cancel):
            return
        back = resume(self.facts, Choice(had.plan))
        again = with_outcome(self.facts.changes, back, before.now, "us")
        assert timeline(again, before.zone) == timeline(before.changes, before.zone)

    @rule()
    def resumes(self) -> None:
        """What was had last, again."""
        had = last_plan(self.facts)
        if had is not None:
            choice = next(choice for choice in PLANS.values() if choice.plan == had.plan)
            self.wish(lambda f: resume(f, choice))

    @rule(wait=_waits, name=_names, count=st.integers(0, 3), drawn=_whens)
    def counts(self, wait: timedelta, name: str, count: int, drawn: str | timedelta) -> None:
        """So many of something."""
        when = self.when(wait, drawn)
        wish = set_quantity if name == "seats" else set_addon
        self.wish(lambda f: wish(f, name, count, when))

    @rule(wait=_waits, drawn=_whens, given=st.booleans(), name=st.sampled_from(["book/spring", "book/early"]))
    def coupon(self, wait: timedelta, drawn: str | timedelta, given: bool, name: str) -> None:  # noqa: FBT001 - drawn
        """Given or taken away."""
        when = self.when(wait, drawn)
        self.wish(lambda f: give_coupon(f, name, when) if given else take_coupon(f, name, when))

    @rule(wait=_waits)
    def invoices_are_made(self, wait: timedelta) -> None:
        """For every period that is over and served, each once."""
        self.time_passes(wait)
        facts = self.facts
        last, first = previous_period(facts.changes, facts.zone, facts.now), begun(facts.changes)
        if last is None or first is None or last.end <= first:
            return
        since = self.billed[-1].end if self.billed else first
        self.billed += [p for p in periods(facts.changes, facts.zone, since, last.end) if p.end <= facts.now]
        self.facts = msgspec.structs.replace(facts, billed_until=last.end)

    @invariant()
    def what_is_billed_stays(self) -> None:
        """Whatever is decided afterwards, its periods are periods still, and none lies between them."""
        if self.billed:
            facts = self.facts
            start, end = self.billed[0].start, self.billed[-1].end
            assert list(periods(facts.changes, facts.zone, start, end)) == self.billed

    def teardown(self) -> None:
        """The rest of the year is billed; what holds of every timeline; a coupon's numbers go up by one."""
        if not hasattr(self, "facts"):
            return
        self.invoices_are_made(LAST - self.facts.now)
        self.what_is_billed_stays()
        facts = self.facts
        for check in CHECKS:
            check(facts.changes, facts.zone)
        numbers: dict[str, int] = {}
        for period in periods(facts.changes, facts.zone, datetime(2025, 12, 1, tzinfo=UTC), FAR_AHEAD - TICK):
            now = dict(coupons_in(facts.changes, facts.zone, period))
            assert all(number in {1, numbers.get(name, 0) + 1} for name, number in now.items())
            numbers = now


TestTeam = Team.TestCase
TestTeam.settings = settings(
    max_examples=200,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

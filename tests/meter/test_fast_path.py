"""The plain loop of ingest: it never decides otherwise than `facts.rows` would."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from meter import facts, rows
from meter.facts import Defaults
from meter.model import Event, SeriesKey
from meter.series import Known
from tests.meter.cast import HORIZON, METERS, NOW, ONE, numbers

NAMES = (None, "", "m", "s" * 201)
KNOWN = {
    SeriesKey(slug, member, service, dimensions, failed): number
    for number, (slug, member, service, dimensions, failed) in enumerate(
        (slug, member, service, dimensions, failed)
        for slug in METERS
        for member in (None, "m", "x")
        for service in (None, "m")
        for dimensions in ((), (("model", "a"),), (("model", "a"), ("region", "b")), (("status", "500"),))
        if not dimensions or dimensions[0][0] in METERS[slug].dimensions
        for failed in (False, True)
    )
}
SERIES = Known(())
SERIES.series.update(KNOWN)
any_events = st.builds(
    Event,
    id=st.sampled_from([None, "", "a", "é", "x" * 513, "a\0b", "01890a5d-ac96-774b-bcce-b302099a8057"]),
    time=st.sampled_from([NOW, NOW + timedelta(minutes=5), NOW + timedelta(minutes=6), NOW.replace(tzinfo=None)]),
    meter=st.sampled_from([*METERS, None, "nonsense"]),
    quantity=st.one_of(st.none(), st.integers(-1, 10**26), st.integers(0, 9).map(Decimal), numbers()),
    quantities=st.one_of(st.none(), st.just({"requests": ONE})),
    member=st.sampled_from(NAMES),
    service=st.sampled_from(NAMES),
    dimensions=st.sampled_from(
        [None, {}, {"model": "a"}, {"region": "b", "model": "a"}, {"colour": "red"}, {"status": "500"}]
    ),
    attributes=st.sampled_from([None, {}, {"status": 500}, {"status": "200", "session": "s"}]),
    source=st.sampled_from([None, "s"]),
    duration_seconds=st.sampled_from([None, ONE]),
)
plain_events = st.builds(
    Event,
    id=st.sampled_from(["a", "é", "\x01"]),
    time=st.just(NOW),
    meter=st.sampled_from([*METERS]),
    quantity=st.one_of(st.none(), st.integers(0, 9), numbers()),
    member=st.sampled_from(NAMES),
    service=st.sampled_from(NAMES),
    dimensions=st.sampled_from([None, {}, {"model": "a"}, {"region": "b", "model": "a"}, {"status": "500"}]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(any_events, plain_events), min_size=1, max_size=4), st.sampled_from([None, "x"]))
def test_the_fast_path_decides_as_the_long_one(batch: list[Event], member: str | None) -> None:
    """What the plain loop packs is byte for byte what `facts.rows` would have made of it."""
    request = rows.Request(7, METERS, HORIZON, Defaults(member, None, {}))
    packed, odd = rows._plain_rows(batch, request, SERIES, rows.Numbers())
    assert sorted([*odd, *(row[2] for row in packed)]) == list(range(len(batch)))
    for row in packed:
        place = row[2]
        long = facts.rows(batch[place], place, METERS, HORIZON, request.defaults)
        assert isinstance(long, list), long
        assert [facts.series_refusal(one.series, METERS) for one in long] == [None]
        assert rows.pack(long, 7, KNOWN, rows.Numbers()) == [row]

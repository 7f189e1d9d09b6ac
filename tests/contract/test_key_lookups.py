"""Keys are looked up together, and each caller is who they are by themselves."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from meter import keys
from meter.keys import Shown, hash_of
from tests.contract.place import NOW, Place


async def test_many_at_once_are_each_themselves(place: Place) -> None:
    """Two keys, one of them twice and for a member, the operator's about a team, a hash that nobody has."""
    async with place.pool.connection() as conn:
        _, first = await keys.create(conn, place.team.id, "a", ["read"], "standard", NOW)
        _, second = await keys.create(conn, place.team.id, "b", ["ingest"], "internal", NOW)
        _, operator = await keys.create(conn, None, "o", ["admin"], "standard", NOW)
        shown = [
            Shown(hash_of(second)),
            Shown(bytes(32)),
            Shown(hash_of(first), "ann"),
            Shown(hash_of(operator), "ann", place.team.public_id),
            Shown(hash_of(first)),
            Shown(hash_of(operator), None, uuid4()),
        ]
        found = await keys.find(conn, shown, NOW)
        alone = [(await keys.find(conn, [each], NOW))[0] for each in shown]
        later = await keys.find(conn, [Shown(hash_of(first))], NOW + timedelta(minutes=5))
    assert found == alone
    b, nobody, ann, acting, a, plain = found
    assert nobody is None
    assert b is not None
    assert a is not None
    assert ann is not None
    assert acting is not None
    assert plain is not None
    assert (b.internal, b.scopes, a.internal, a.scopes) == (True, frozenset({"ingest"}), False, frozenset({"read"}))
    assert (ann.member, a.member, ann.key_id) == ("ann", None, a.key_id)
    assert (acting.team and acting.team.id, acting.member, plain.team) == (place.team.id, "ann", None)
    assert [each is not None for each in later] == [True]


async def test_a_key_that_is_being_changed_is_waited_for_by_nobody(place: Place) -> None:
    """Its use is noted another time."""
    async with place.pool.connection() as conn, place.pool.connection() as other:
        key, secret = await keys.create(conn, place.team.id, "a", ["read"], "standard", NOW)
        async with other.transaction():
            locked = await keys.lock(other, place.team.id, key.public_id, NOW)
            await keys.rotate(
                other, locked, timedelta(hours=1), NOW
            )  # its secret's row is changed, and not yet committed
            assert await keys.find_one(conn, secret, NOW) is not None
        assert await keys.find_one(conn, secret, NOW) is not None
        used = [each.last_used_at for each in (await keys.get(conn, place.team.id, key.public_id, NOW)).secrets]
        assert sorted(used, key=bool) == [None, NOW]

"""Who is billed? What a team wants its invoices to say of it: name, address, tax ids, and how numbers are written."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import msgspec
from babel import Locale
from babel.core import get_global
from babel.localedata import locale_identifiers

from meter.database import Connection
from meter.errors import InvalidBody
from sql import statement

ENGLISH = "en"
NO_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What invoices say of a customer. Without a `name` it is the team's; `reference` is the customer's own.

    `country` is an ISO 3166 code, `locale` a CLDR name. `version` is 0 where nothing was ever said.
    """

    name: str | None = None
    address: tuple[str, ...] = ()
    country: str | None = None
    tax_ids: tuple[str, ...] = ()
    locale: str | None = None
    reference: str | None = None
    version: int = 0
    changed_at: datetime | None = None


@cache
def countries() -> frozenset[str]:
    """The ISO 3166 codes of countries, from the CLDR data in babel."""
    codes = frozenset(str(code) for code in get_global("territory_currencies")) & set(Locale(ENGLISH).territories)
    return codes - NO_COUNTRIES


@cache
def locales() -> frozenset[str]:
    """The locales in which numbers and dates can be written, as in `de_AT`."""
    return frozenset(locale_identifiers()) - {"root"}


def country_name(code: str) -> str:
    """A country in English: Germany for DE; a code that nobody knows stays as it is."""
    return str(Locale(ENGLISH).territories.get(code, code))


def check(profile: Profile) -> Profile:
    """The profile with its locale as we write it: de-AT is de_AT. Raises InvalidBody for no country or no locale."""
    if profile.country is not None and profile.country not in countries():
        raise InvalidBody(f"country: {profile.country[:8]!r} is no ISO 3166 country; write one like DE or US")
    locale = profile.locale and profile.locale.replace("-", "_")
    if locale is not None and locale not in locales():
        raise InvalidBody(f"locale: {profile.locale!r:.24} is not known; write one like en, de or pt_BR")
    return msgspec.structs.replace(profile, locale=locale)


async def get(conn: Connection, team_id: int) -> Profile:
    """The profile of a team, an empty one where it never put one."""
    row = await (await conn.execute(statement("get_billing_profile"), {"team_id": team_id})).fetchone()
    if row is None:
        return Profile()
    name, address, country, tax_ids, locale, reference, version, changed_at = row
    return Profile(
        name=name,
        address=tuple(address),
        country=country,
        tax_ids=tuple(tax_ids),
        locale=locale,
        reference=reference,
        version=version,
        changed_at=changed_at,
    )


async def put(conn: Connection, team_id: int, profile: Profile, now: datetime) -> Profile:
    """Makes this the profile of a team, for invoices that are written from now on. The caller holds the team's lock.

    Raises InvalidBody as `check`.
    """
    wanted = check(profile)
    asked = {
        "team_id": team_id,
        "name": wanted.name,
        "address": list(wanted.address),
        "country": wanted.country,
        "tax_ids": list(wanted.tax_ids),
        "locale": wanted.locale,
        "reference": wanted.reference,
        "now": now,
    }
    (version,) = (await (await conn.execute(statement("put_billing_profile"), asked)).fetchall())[0]
    return msgspec.structs.replace(wanted, version=version, changed_at=now)

"""Invoices made again in tests: verified, corrected after they were made, checked before."""

from __future__ import annotations

from meter import bill, verify
from meter.bill import Draft
from meter.invoices import Invoice
from meter.rating.periods import Period
from meter.verify import invoice as verified
from meter.verify.compare import Difference
from meter.verify.invoice import Verdict
from tests.billing.house import OCTOBER, House
from tests.contract.place import Place

BOOK = """
name = "tariff"
title = "Tariff"
currency = "EUR"

[plans.small]
title = "Small"
base_fee = "31.00"
prorate = "time"

[plans.small.prices.calls]
title = "Calls"
meter = "requests"
unit = "call"
model = "graduated"
included = 100
tiers = [{ up_to = 500, unit_amount = "0.10" }, { unit_amount = "0.05" }]

[plans.small.prices.cores]
title = "Cores"
meter = "cpu"
unit = "core"
measure = "peak"
unit_amount = "2.00"

[plans.small.prices.storage]
title = "Storage"
meter = "storage"
unit = "GB-month"
unit_amount = "3.00"

[plans.small.prices.night]
title = "Tokens"
meter = "tokens.input"
unit = "token"
model = "time_of_day"
rates = [{ from = "02:20", to = "07:00", days = ["sun"], unit_amount = "0.001", title = "Sunday night" }]
otherwise = { unit_amount = "0.002", title = "else" }

[[taxes.rates]]
name = "VAT"
percent = 20
"""


async def verdict(house: House, made: Invoice) -> Verdict:
    """Verify an invoice."""
    async with house.pool.connection() as conn:
        return await verified.verify(conn, house.team, made)


async def drafted(house: House, period: Period = OCTOBER) -> Draft:
    """Price a period."""
    async with house.pool.connection() as conn:
        return await bill.price(conn, house.team, period)


async def checked(house: House, draft: Draft) -> tuple[Difference, ...]:
    """Check a draft before it is final."""
    async with house.pool.connection() as conn:
        return await verify.check(conn, draft)


def place_of(house: House) -> Place:
    """Answer the same team as contract tests have it."""
    return Place("postgres", "", house.pool, house.ingest, house.team, house.caller)

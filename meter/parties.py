"""Who sells and who pays, as an invoice keeps it: put together when it is written, to read the same for ever."""

from __future__ import annotations

from meter import profiles
from meter.database import Connection
from meter.invoices import Party
from meter.model import Team
from meter.settings import Settings


def seller(settings: Settings) -> Party:
    """Who the invoices come from, and how they are paid, by the settings of the service."""
    return Party(
        settings.seller_name,
        address=settings.seller_address or (),
        tax_ids=settings.seller_tax_ids or (),
        email=settings.seller_email or "",
        payment=settings.seller_payment or (),
        notes=settings.invoice_notes or (),
        numbers=settings.invoice_number,
    )


async def customer(conn: Connection, team: Team) -> Party:
    """Who pays: the team by its billing profile, and by its own name where that has none."""
    profile = await profiles.get(conn, team.id)
    return Party(
        profile.name or team.name,
        address=profile.address,
        country=profile.country or "",
        tax_ids=profile.tax_ids,
        email=team.billing_email or "",
        locale=profile.locale or "",
        reference=profile.reference or "",
    )

-- Makes this who a team's invoices are for; the version it has then.

insert into billing_profile (team_id, name, address, country, tax_ids, locale, reference, changed_at)
values (
    %(team_id)s, %(name)s, %(address)s, %(country)s, %(tax_ids)s, %(locale)s, %(reference)s, %(now)s
)
on conflict (team_id) do update set
    name = excluded.name,
    address = excluded.address,
    country = excluded.country,
    tax_ids = excluded.tax_ids,
    locale = excluded.locale,
    reference = excluded.reference,
    changed_at = excluded.changed_at,
    version = billing_profile.version + 1
returning version

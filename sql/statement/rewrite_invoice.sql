-- Writes the head of a draft anew: the same invoice, by what is known now.

update invoice
set
    zone = %(zone)s,
    anchor_day = %(anchor_day)s,
    plan = %(plan)s,
    price_version_id = %(price_version_id)s,
    rating_version = %(rating_version)s,
    currency = %(currency)s,
    total = %(total)s,
    exact = %(exact)s,
    seller = %(seller)s::jsonb,
    customer = %(customer)s::jsonb,
    meters = %(meters)s::jsonb,
    data_snapshot = %(data_snapshot)s::pg_snapshot,
    as_of = %(as_of)s,
    document = %(document)s::json
where id = %(invoice_id)s and status = 'draft'

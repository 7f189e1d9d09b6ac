-- Makes a draft invoice without lines.

insert into invoice (
    public_id, team_id, subscription_id, reason, period_from, period_to, zone, anchor_day, plan, price_version_id,
    rating_version, currency, total, exact, seller, customer, meters, data_snapshot, as_of, created_at,
    document
)
values (
    %(public_id)s, %(team_id)s, %(subscription_id)s, %(reason)s, %(period_from)s, %(period_to)s, %(zone)s,
    %(anchor_day)s, %(plan)s, %(price_version_id)s, %(rating_version)s, %(currency)s, %(total)s, %(exact)s,
    %(seller)s::jsonb, %(customer)s::jsonb, %(meters)s::jsonb, %(data_snapshot)s::pg_snapshot, %(as_of)s, %(now)s,
    %(document)s::json
)
returning id

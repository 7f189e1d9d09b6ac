-- A backfill, which stays as it is until this transaction ends.

select
    b.id, b.public_id, b.team_id, b.mode, b.since, b.until, b.meters, b.filters, b.reason, b.at, b.actor, b.key_id,
    b.internal, k.public_id, b.key_prefix, b.member, b.request_id, b.state, b.failed_in, b.detail, b.ordered_by,
    b.done_until, b.done_id, b.marked, b.changed_at
from backfill as b
inner join api_key as k on b.key_id = k.id
where b.id = %(backfill_id)s
for update of b

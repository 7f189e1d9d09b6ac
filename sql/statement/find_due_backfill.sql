-- The backfill that has work to do and waited longest for its turn, and its team.

select
    b.id, t.id, t.public_id, t.name, t.timezone, t.currency, t.billing_email, t.created_at, t.version, t.deleted_at
from backfill as b
inner join team as t on b.team_id = t.id
where b.state in ('comparing', 'applying', 'undoing')
order by b.changed_at, b.id
limit 1

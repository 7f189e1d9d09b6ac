-- Keeps what a team has agreed to for usage that changes after its invoice is final; answers what was agreed before.

with before as (
    select late_usage from billing_policy
    where team_id = %(team_id)s
),

kept as (
    insert into billing_policy (team_id, late_usage, changed_at)
    values (%(team_id)s, %(late_usage)s, %(now)s)
    on conflict (team_id) do update
    set late_usage = excluded.late_usage, version = billing_policy.version + 1, changed_at = excluded.changed_at
    returning team_id
)

select (select before.late_usage from before) as late_usage from kept

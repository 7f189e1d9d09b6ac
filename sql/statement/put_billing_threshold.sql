-- Makes this the amount from which on a team is billed before its period is over, to be looked at soon; its version then.

insert into billing_threshold (team_id, amount, recurring, changed_at)
values (%(team_id)s, %(amount)s, %(recurring)s, %(now)s)
on conflict (team_id) do update set
    amount = excluded.amount,
    recurring = excluded.recurring,
    changed_at = excluded.changed_at,
    version = billing_threshold.version + 1,
    looked_until = null,
    looked_as_of = null,
    looks = 0,
    why = ''
returning version

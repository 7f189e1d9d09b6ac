-- Begins a subscription without an end.

insert into subscription (team_id, plan, starts_at)
values (%(team_id)s, %(plan)s, %(at)s)
returning id, plan, anchor_day, starts_at, ends_at

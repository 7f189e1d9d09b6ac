-- Watches teams that have a plan by now: what is over at this moment is left to whoever asks for it.

insert into billing_watch (team_id, since, next_at)
select s.team_id, %(now)s, %(now)s
from subscription as s
where not exists (select from billing_watch as w where w.team_id = s.team_id)
on conflict (team_id) do nothing

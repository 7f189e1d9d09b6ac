-- Gives a team the subscription that its decisions are about, unless it has it.

insert into subscription (team_id) values (%(team_id)s)
on conflict (team_id) do nothing

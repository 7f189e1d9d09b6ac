-- Says that the limits of a team are others from now on, in the transaction that changes them.

insert into limit_version (team_id, version) values (%(team_id)s, 2)
on conflict (team_id) do update set version = limit_version.version + 1

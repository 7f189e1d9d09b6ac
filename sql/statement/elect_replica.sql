-- Whose points are taken of the replicas of a cluster: those of the one heard first, another's once it has been silent.

insert into replica as r (team_id, cluster, name, seen_at)
values (%(team_id)s, %(cluster)s, %(name)s, %(now)s)
on conflict (team_id, cluster) do update
set
    name = case
        when r.name = excluded.name or r.seen_at <= %(silent)s then excluded.name else r.name
    end,
    seen_at = case
        when r.name = excluded.name or r.seen_at <= %(silent)s then greatest(r.seen_at, excluded.seen_at) else r.seen_at
    end
returning r.name

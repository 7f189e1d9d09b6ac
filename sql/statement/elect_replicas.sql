-- Whose points are taken of the replicas of some clusters: of each those of the one heard first, another's once it has been
-- silent. One that is heard in this body too is not silent. In the order of clusters: two writers wait, and never deadlock.

insert into replica as r (team_id, cluster, name, seen_at)
select %(team_id)s, w.cluster, min(w.name), %(now)s
from unnest(%(clusters)s::text [], %(names)s::text []) as w (cluster, name)
group by w.cluster
order by w.cluster
on conflict (team_id, cluster) do update
set
    name = case
        when r.seen_at > %(silent)s or (r.cluster, r.name) in (
            select s.cluster, s.name from unnest(%(clusters)s::text [], %(names)s::text []) as s (cluster, name)
        ) then r.name
        else excluded.name
    end,
    seen_at = case
        when r.seen_at <= %(silent)s or (r.cluster, r.name) in (
            select s.cluster, s.name from unnest(%(clusters)s::text [], %(names)s::text []) as s (cluster, name)
        ) then greatest(r.seen_at, excluded.seen_at)
        else r.seen_at
    end
returning r.cluster, r.name

-- Keeps what a sender says about metrics apart from their points; in the order of names.

insert into described as d (team_id, source, name, kind, unit, help)
select %(team_id)s, %(source)s, w.name, w.kind, w.unit, w.help
from unnest(
    %(names)s::text [], %(kinds)s::text [], %(units)s::text [], %(helps)s::text []
) as w (name, kind, unit, help)
where %(most)s > (select count(*) from described where team_id = %(team_id)s)
    or exists (
        select from described as e
        where e.team_id = %(team_id)s and e.source = %(source)s and e.name = w.name
    )
order by w.name
on conflict (team_id, source, name) do update
set kind = excluded.kind, unit = excluded.unit, help = excluded.help
where (d.kind, d.unit, d.help) is distinct from (excluded.kind, excluded.unit, excluded.help)

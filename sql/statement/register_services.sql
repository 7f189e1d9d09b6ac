-- Makes services that usage names and nobody registered.

insert into service (team_id, slug)
select %(team_id)s, slug
from unnest(%(slugs)s::text []) as n (slug)
on conflict do nothing

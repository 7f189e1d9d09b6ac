-- Makes a team with one ingest key and answers who they are.

with made as (
    insert into team (public_id, name, timezone, currency) values (%(team)s, 'Team', 'UTC', 'USD')
    returning id, public_id
)

insert into api_key (public_id, team_id, name, scopes, kind)
select %(key)s, id, 'Key', array['ingest', 'read'], 'standard'
from made
returning team_id, id, (select public_id from made), public_id

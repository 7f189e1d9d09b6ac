-- Makes one more key of a team.

insert into api_key (public_id, team_id, name, scopes, kind)
values (gen_random_uuid(), %(team_id)s, 'Next', array['ingest'], 'standard')
returning id, public_id

-- Makes one more key of a team.

insert into api_key (public_id, team_id, name, prefix, secret_hash, scopes, kind)
values (gen_random_uuid(), %(team_id)s, 'Next', 'hm_next', sha256('next'), array['ingest'], 'standard')
returning id, public_id

-- What server is this, and could TimescaleDB be used on it?

select
    current_setting('server_version_num')::integer as version,
    exists(select 1 from pg_available_extensions where name = 'timescaledb') as has_timescale

-- Makes TimescaleDB usable in this database; fails when the role may not, or the server does not preload it.

create extension if not exists timescaledb schema public

-- What was done to this database, and on which engine. Number 0 stands for all that is made anew by every migrate.

create table if not exists meter.migration (
    number integer primary key,
    name text not null,
    engine text not null check (engine in ('timescale', 'postgres')),
    sha256 text not null,
    applied_at timestamptz not null default now()
)

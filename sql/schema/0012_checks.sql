-- What each check found when the worker ran it last: a row per check, the first rows that broke it, how long it took.

create table check_result (
    name text primary key,
    says text not null,
    holds boolean not null,
    unfinished text, -- why it came to no answer
    rows jsonb not null,
    took_ms bigint not null check (took_ms >= 0),
    at timestamptz not null,
    check (not holds or unfinished is null)
);

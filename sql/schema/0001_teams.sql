-- Who pays, who uses, and who may ask.

create table team (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    name text not null check (length(name) between 1 and 200),
    timezone text not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    billing_email text,
    created_at timestamptz not null default now()
);

create table member (
    id bigint generated always as identity primary key,
    team_id bigint not null references team,
    user_id text not null check (length(user_id) between 1 and 200),
    email text,
    role text not null check (role in ('owner', 'admin', 'member')),
    created_at timestamptz not null default now(),
    unique (team_id, user_id)
);

create table service (
    id bigint generated always as identity primary key,
    team_id bigint not null references team,
    slug text not null check (length(slug) between 1 and 200),
    created_at timestamptz not null default now(),
    unique (team_id, slug)
);

-- Only the hash of a secret is kept: what leaks from here opens nothing. A key without a team is the operator's.
create table api_key (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    team_id bigint references team,
    name text not null check (length(name) between 1 and 200),
    prefix text not null,
    secret_hash bytea not null unique check (length(secret_hash) = 32),
    scopes text [] not null check (scopes <@ array['ingest', 'read', 'admin']),
    kind text not null check (kind in ('standard', 'internal')),
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    last_used_at timestamptz
);
create index api_key_team on api_key (team_id, id);

-- A person signed in with a key: the cookie's hash, never the cookie.
create table session (
    token_hash bytea primary key check (length(token_hash) = 32),
    key_id bigint not null references api_key,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);

-- One answer per Idempotency-Key: the retry of a creating POST gets the first answer again.
create table idempotent_answer (
    scope text not null,
    idempotency_key text not null,
    request_hash bytea not null,
    status integer not null,
    body bytea not null,
    created_at timestamptz not null default now(),
    primary key (scope, idempotency_key)
);

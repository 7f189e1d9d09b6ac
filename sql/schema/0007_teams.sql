-- Teams, members and keys as they are edited: versions, ends, several secrets of one key, invitations, and who did what.

-- An edit may say which version it is of; each raises it by one.
alter table team add column version bigint not null default 1;
alter table team add column deleted_at timestamptz;
alter table member add column version bigint not null default 1;
alter table member add column public_id uuid not null default gen_random_uuid() unique;
alter table member add column removed_at timestamptz;
alter table api_key add column version bigint not null default 1;
alter table api_key add column expires_at timestamptz;

-- A key lives on when its secret is replaced, and its usage with it: series and budgets name the key. Old and new secret
-- both open it until the old one expires.
create table api_key_secret (
    id bigint generated always as identity primary key,
    key_id bigint not null references api_key on delete cascade,
    prefix text not null,
    secret_hash bytea not null unique check (length(secret_hash) = 32),
    created_at timestamptz not null,
    expires_at timestamptz,
    last_used_at timestamptz
);
create index api_key_secret_key on api_key_secret (key_id, id);

insert into api_key_secret (key_id, prefix, secret_hash, created_at, last_used_at)
select id, prefix, secret_hash, created_at, last_used_at
from api_key
order by id;

-- A person who signed in with a secret is out when it is.
alter table session add column secret_id bigint references api_key_secret on delete cascade;
update session as s set secret_id = (select e.id from api_key_secret as e where e.key_id = s.key_id);
alter table session alter column secret_id set not null;
alter table session drop column key_id;

alter table api_key drop column prefix;
alter table api_key drop column secret_hash;
alter table api_key drop column last_used_at;

-- Whoever has the token may join, once. Sent again it gets another token, and the old one is dead.
create table invitation (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    team_id bigint not null references team,
    email text not null check (length(email) between 3 and 254),
    role text not null check (role in ('owner', 'admin', 'member')),
    token_hash bytea not null unique check (length(token_hash) = 32),
    created_at timestamptz not null,
    sent_at timestamptz not null,
    expires_at timestamptz not null check (expires_at > sent_at),
    accepted_at timestamptz,
    accepted_by bigint references member,
    revoked_at timestamptz,
    check ((accepted_at is null) = (accepted_by is null)),
    check (accepted_at is null or revoked_at is null)
);
create index invitation_team on invitation (team_id, public_id);

-- Who did what, when, and how it was before and after; never a secret. Written with the change and never altered.
create table audit_entry (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    team_id bigint references team, -- null: about no team
    at timestamptz not null,
    actor text not null check (actor in ('operator', 'key', 'invitation', 'system')),
    key_id bigint references api_key,
    key_prefix text,
    member text,
    request_id text,
    action text not null check (action ~ '^[a-z_]+[.][a-z_]+$'),
    subject text not null,
    before jsonb,
    after jsonb,
    check ((key_id is null) = (actor in ('invitation', 'system')))
);
create index audit_entry_team on audit_entry (team_id, id);
create index audit_entry_action on audit_entry (action, id);

create trigger audit_entry_is_final before update or delete on audit_entry
for each row execute function refuse_change();
create trigger audit_entry_is_kept before truncate on audit_entry
for each statement execute function refuse_change();

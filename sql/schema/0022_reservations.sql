-- What was set apart for a call before it ran: of limits (counters) and of credits (grants), until it is settled, released
-- or expires. What a call was settled with is kept, so that a retry hears the same.

create table reservation (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    team_id bigint not null references team,
    key_id bigint not null references api_key,
    member_id bigint references member,
    service_id bigint references service,
    at timestamptz not null,
    expires_at timestamptz not null check (expires_at > at),
    counter_ids bigint [] not null,
    amounts numeric [] not null, -- of each counter
    account_id bigint references account,
    burns jsonb not null default '[]', -- of the account: [grant or null, amount, meter]
    state text not null default 'open' check (state in ('open', 'settled', 'released', 'expired')),
    closed_at timestamptz,
    event_hash bytea, -- of the event it was settled with
    answer jsonb,
    check (cardinality(counter_ids) = cardinality(amounts)),
    check ((state = 'open') = (closed_at is null)),
    check ((state = 'settled') = (answer is not null))
) with (fillfactor = 70);
create index reservation_open on reservation (expires_at) where state = 'open';
create index reservation_team on reservation (team_id, id);

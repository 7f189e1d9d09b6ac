-- Who pays by which plan, and what was billed: written once, numbered without gaps, unchangeable once final.

-- The text of a price book, by the hash of what it says. A version in use never changes; a change is another version.
create table price_version (
    id bigint generated always as identity primary key,
    book text not null,
    version text not null,
    content text not null,
    created_at timestamptz not null,
    unique (book, version)
);

-- One plan at a time: the open one has no end. Past ones stay, so that a late bill finds the plan of its time.
create table subscription (
    id bigint generated always as identity primary key,
    team_id bigint not null references team,
    plan text not null check (plan ~ '^[a-z][a-z0-9_-]*/[a-z][a-z0-9_-]*$'),
    anchor_day smallint not null default 1 check (anchor_day between 1 and 31),
    starts_at timestamptz not null,
    ends_at timestamptz check (ends_at > starts_at),
    unique (team_id, starts_at)
);
create unique index subscription_open on subscription (team_id) where ends_at is null;

-- A sum of levels per event can't be billed: an average is for people to look at.
alter table meter add constraint meter_average_not_billable check (not (billable and aggregation = 'average'));

-- An invoice as it was made: period, prices, data and parties are kept, so that it reads the same for ever.
create table invoice (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    team_id bigint not null references team,
    subscription_id bigint not null references subscription,
    reason text not null check (reason in ('period')),
    period_from timestamptz not null,
    period_to timestamptz not null,
    zone text not null,
    anchor_day smallint not null,
    plan text not null,
    price_version_id bigint not null references price_version,
    rating_version text not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    total numeric not null,
    exact numeric not null, -- the lines before rounding, added up
    seller jsonb not null,
    customer jsonb not null,
    meters jsonb not null, -- title and unit of each meter in the members' usage
    data_snapshot pg_snapshot not null,
    as_of timestamptz,
    created_at timestamptz not null,
    status text not null default 'draft' check (status in ('draft', 'open', 'paid', 'void', 'uncollectible')),
    position bigint unique,
    number text unique,
    issued_at timestamptz,
    due_at timestamptz,
    unique (subscription_id, period_from, period_to, reason),
    check (period_from < period_to),
    check ((status = 'draft') = (number is null)),
    check (num_nulls(position, number, issued_at, due_at) in (0, 4))
);
create index invoice_team on invoice (team_id, public_id);

-- `exact` is billed_quantity * unit_amount / per in full; `amount` is that, rounded once.
create table invoice_line (
    id bigint generated always as identity primary key,
    invoice_id bigint not null references invoice,
    position integer not null,
    kind text not null,
    price text not null,
    description text not null,
    meter text not null,
    measure text not null,
    quantity numeric not null,
    unit text not null,
    included numeric not null,
    billed_quantity numeric not null,
    unit_amount numeric,
    per numeric not null,
    exact numeric not null,
    amount numeric not null,
    derivation json not null, -- not jsonb: the facts of a step are read in the order they were written in
    unique (invoice_id, position)
);

-- Whose a line is; nobody's part has no member.
create table invoice_share (
    invoice_id bigint not null references invoice,
    line_id bigint not null references invoice_line,
    member_id bigint references member,
    amount numeric not null,
    unique nulls not distinct (line_id, member_id)
);
create index invoice_share_invoice on invoice_share (invoice_id);

-- What each member used, by meter in the meter's unit, and what all their shares come to.
create table invoice_member (
    invoice_id bigint not null references invoice,
    member_id bigint references member,
    amount numeric not null,
    usage json not null,
    unique nulls not distinct (invoice_id, member_id)
);

-- The last number given. Whoever takes the next holds this row until commit, so a number is never lost.
create table invoice_counter (
    only_row boolean primary key default true check (only_row),
    last bigint not null default 0
);
insert into invoice_counter default values;

create function refuse_change() returns trigger language plpgsql set search_path from current as $$
begin
    raise exception '% is written once and never changed', tg_table_name using errcode = 'restrict_violation';
end
$$;

create trigger price_version_is_final before update or delete on price_version
for each row execute function refuse_change();
create trigger price_version_is_kept before truncate on price_version
for each statement execute function refuse_change();
create trigger invoice_is_kept before truncate on invoice
for each statement execute function refuse_change();
create trigger invoice_line_is_kept before truncate on invoice_line
for each statement execute function refuse_change();
create trigger invoice_share_is_kept before truncate on invoice_share
for each statement execute function refuse_change();
create trigger invoice_member_is_kept before truncate on invoice_member
for each statement execute function refuse_change();

-- After a draft is final, only what becomes of it may change; and it becomes final only when it adds up.
create function guard_invoice() returns trigger language plpgsql set search_path from current as $$
begin
    if old.status = 'draft' then
        if tg_op = 'UPDATE' and new.status <> 'draft' then
            perform refuse_wrong_sums(new.id, new.total);
        end if;
    elsif tg_op = 'DELETE' or new.status = 'draft' or to_jsonb(new) - 'status' <> to_jsonb(old) - 'status' then
        raise exception 'invoice % is final', old.number using errcode = 'restrict_violation';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end
$$;

create function refuse_wrong_sums(invoice bigint, total numeric) returns void
language plpgsql set search_path from current as $$
begin
    if (
        select coalesce(sum(l.amount), 0) <> total
            or coalesce(bool_or(l.amount is distinct from (
                select sum(s.amount) from invoice_share as s
                where s.line_id = l.id
            )), false)
            or total <> (
                select coalesce(sum(m.amount), 0) from invoice_member as m
                where m.invoice_id = invoice
            )
        from invoice_line as l
        where l.invoice_id = invoice
    ) then
        raise exception 'invoice % does not add up', invoice using errcode = 'check_violation';
    end if;
end
$$;

create trigger invoice_is_final before update or delete on invoice
for each row execute function guard_invoice();

-- Lines, shares and members stay as they are with the invoice they belong to. One look per statement, not per row.
create function guard_parts() returns trigger language plpgsql set search_path from current as $$
begin
    if exists (select from changed as c inner join invoice as i on c.invoice_id = i.id where i.status <> 'draft') then
        raise exception 'a final invoice keeps its % as they are', tg_table_name using errcode = 'restrict_violation';
    end if;
    return null;
end
$$;

create trigger invoice_line_stays after insert on invoice_line
referencing new table as changed for each statement execute function guard_parts();
create trigger invoice_line_stays_here after update on invoice_line
referencing old table as changed for each statement execute function guard_parts();
create trigger invoice_line_stays_there after update on invoice_line
referencing new table as changed for each statement execute function guard_parts();
create trigger invoice_line_is_not_lost after delete on invoice_line
referencing old table as changed for each statement execute function guard_parts();

create trigger invoice_share_stays after insert on invoice_share
referencing new table as changed for each statement execute function guard_parts();
create trigger invoice_share_stays_here after update on invoice_share
referencing old table as changed for each statement execute function guard_parts();
create trigger invoice_share_stays_there after update on invoice_share
referencing new table as changed for each statement execute function guard_parts();
create trigger invoice_share_is_not_lost after delete on invoice_share
referencing old table as changed for each statement execute function guard_parts();

create trigger invoice_member_stays after insert on invoice_member
referencing new table as changed for each statement execute function guard_parts();
create trigger invoice_member_stays_here after update on invoice_member
referencing old table as changed for each statement execute function guard_parts();
create trigger invoice_member_stays_there after update on invoice_member
referencing new table as changed for each statement execute function guard_parts();
create trigger invoice_member_is_not_lost after delete on invoice_member
referencing old table as changed for each statement execute function guard_parts();

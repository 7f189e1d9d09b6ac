-- Usage that changed after its invoice was final: by how much, counted from what, and what becomes of the difference.

-- What a team has agreed to for that; none: it goes on the next invoice.
create table billing_policy (
    team_id bigint primary key references team,
    late_usage text not null check (late_usage in ('next_invoice', 'credit_note', 'write_off')),
    version bigint not null default 1,
    changed_at timestamptz not null
);

-- `lines`, `taxes` and `members` are the difference, as an invoice has them; `standing` is all of the invoice as it would
-- have been with what is known by now: the next difference is told from there. `came` counts events by meter.
create table adjustment (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    team_id bigint not null references team,
    invoice_id bigint not null references invoice,
    number integer not null check (number > 0), -- of the invoice's adjustments
    found_at timestamptz not null,
    data_snapshot pg_snapshot not null,
    came json not null,
    before numeric not null,
    after numeric not null,
    lines json not null,
    taxes json not null,
    members json not null,
    standing json not null,
    outcome text not null check (outcome in ('next_invoice', 'credit_note', 'written_off')),
    credit_note uuid check ((outcome = 'credit_note') = (credit_note is not null)),
    billed_on bigint references invoice check (billed_on is null or outcome = 'next_invoice'),
    note text not null default '',
    unique (invoice_id, number)
);
create index adjustment_team on adjustment (team_id, id);
create index adjustment_open on adjustment (team_id) where outcome = 'next_invoice' and billed_on is null;
create index adjustment_billed on adjustment (billed_on) where billed_on is not null;

-- What was found stays as it is; where it is billed may be told, and what waits for an invoice may be decided otherwise.
create function guard_adjustment() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op = 'DELETE' or old.outcome <> 'next_invoice' and new is distinct from old
        or to_jsonb(new) - array['outcome', 'credit_note', 'billed_on', 'note']
        <> to_jsonb(old) - array['outcome', 'credit_note', 'billed_on', 'note']
        or new.outcome <> old.outcome and old.billed_on is not null
    then
        raise exception 'adjustment % is decided', old.public_id using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;
create trigger adjustment_is_final before update or delete on adjustment
for each row execute function guard_adjustment();
create trigger adjustment_is_kept before truncate on adjustment
for each statement execute function refuse_change();

-- When the usage of an invoice was last counted again; of those that no look was taken at there is no row.
create table invoice_look (
    invoice_id bigint primary key references invoice,
    looked_at timestamptz not null
) with (fillfactor = 50);

-- What is final is taken back by a credit note: a part of an invoice or all of it, numbered without gaps, never changed.
-- The parties are those of the invoice. Where it went adds up to its total: off what was still to pay, into the team's
-- account, or back by other ways. Taxes are by rate, in whole minor units.

create table credit_note (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    team_id bigint not null references team,
    invoice_id bigint not null references invoice,
    position bigint not null unique,
    number text not null unique,
    reason text not null check (
        reason in ('correction', 'late_usage', 'unused_time', 'duplicate', 'goodwill', 'other')
    ),
    note text not null default '',
    currency text not null,
    net numeric not null,
    tax numeric not null,
    total numeric not null check (total > 0 and total < 'Infinity'),
    taxes json not null,
    to_invoice numeric not null check (to_invoice >= 0),
    to_balance numeric not null check (to_balance >= 0),
    to_refund numeric not null check (to_refund >= 0),
    issued_at timestamptz not null,
    check (net + tax = total),
    check (to_invoice + to_balance + to_refund = total)
);
create index credit_note_invoice on credit_note (invoice_id);
create index credit_note_team on credit_note (team_id, id);

-- What of a line of the invoice is taken back, without tax in `net`.
create table credit_note_line (
    id bigint generated always as identity primary key,
    credit_note_id bigint not null references credit_note,
    invoice_line_id bigint not null references invoice_line,
    net numeric not null,
    tax numeric not null,
    total numeric not null,
    taxes json not null,
    unique (credit_note_id, invoice_line_id),
    check (net + tax = total)
);
create index credit_note_line_of on credit_note_line (invoice_line_id);

-- Whose a credited line is, tax included; nobody's part has no member.
create table credit_note_share (
    line_id bigint not null references credit_note_line,
    member_id bigint references member,
    amount numeric not null,
    unique nulls not distinct (line_id, member_id)
);

-- The last number given, as for invoices.
create table credit_note_counter (
    only_row boolean primary key default true check (only_row),
    last bigint not null default 0
);
insert into credit_note_counter default values;

create trigger credit_note_is_final before update or delete on credit_note
for each row execute function refuse_change();
create trigger credit_note_is_kept before truncate on credit_note
for each statement execute function refuse_change();
create trigger credit_note_line_is_final before update or delete on credit_note_line
for each row execute function refuse_change();
create trigger credit_note_line_is_kept before truncate on credit_note_line
for each statement execute function refuse_change();
create trigger credit_note_share_is_final before update or delete on credit_note_share
for each row execute function refuse_change();
create trigger credit_note_share_is_kept before truncate on credit_note_share
for each statement execute function refuse_change();

-- Never more than the invoice, whoever writes: the second of two at once sees the first.
create function refuse_overcredit() returns trigger language plpgsql set search_path from current as $$
declare
    credited invoice%rowtype;
begin
    select * into credited from invoice where id = new.invoice_id for update;
    if credited.status in ('draft', 'void') then
        raise exception 'a % invoice is not credited', credited.status using errcode = 'restrict_violation';
    end if;
    if (select sum(c.total) from credit_note as c where c.invoice_id = new.invoice_id) > credited.total then
        raise exception 'more than invoice % was credited', credited.number using errcode = 'check_violation';
    end if;
    return null;
end
$$;

create function refuse_overcredited_line() returns trigger language plpgsql set search_path from current as $$
begin
    if exists (
        select 1
        from invoice_line as l
        inner join credit_note_line as c on l.id = c.invoice_line_id
        where l.id = new.invoice_line_id
        group by l.id
        having sum(c.total) > greatest(coalesce(l.total, l.amount), 0)
            or sum(c.total) < least(coalesce(l.total, l.amount), 0)
    ) then
        raise exception 'more than line % was credited', new.invoice_line_id using errcode = 'check_violation';
    end if;
    return null;
end
$$;

create trigger credit_note_is_no_more after insert on credit_note
for each row execute function refuse_overcredit();
create trigger credit_note_line_is_no_more after insert on credit_note_line
for each row execute function refuse_overcredited_line();

-- Each credit note is mailed once to everybody it concerns: its kind names which.
alter table mail drop constraint mail_kind_check;
alter table mail add constraint mail_kind_check
check (kind ~ '^(invoice|receipt|overdue_[1-9][0-9]?|credit_note_[1-9][0-9]*)$');

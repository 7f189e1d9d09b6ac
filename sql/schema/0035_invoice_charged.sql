-- What of the usage on an invoice was charged to accounts as it was used, so that the account is asked for the rest alone.

-- Of a price in a billing period: how much of what its counter says was charged this invoice bills. Of void ones it is
-- nothing. Nothing at all is said too: then what is charged later belongs to a later invoice.
create table invoice_charged (
    invoice_id bigint not null references invoice,
    team_id bigint not null references team,
    price text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null check (ends_at > starts_at),
    amount numeric not null check (amount > '-Infinity' and amount < 'Infinity'),
    primary key (invoice_id, price, starts_at)
);
create index invoice_charged_team on invoice_charged (team_id, price, starts_at);

create trigger invoice_charged_is_final before update or delete on invoice_charged
for each row execute function refuse_change();
create trigger invoice_charged_is_kept before truncate on invoice_charged
for each statement execute function refuse_change();

-- As before, but what the account alone paid may be void: it has all of it back.
create or replace function guard_invoice() returns trigger language plpgsql set search_path from current as $$
begin
    if old.status = 'draft' then
        if tg_op = 'UPDATE' and new.status not in ('draft', 'open') then
            raise exception 'a draft is made final before it is %', new.status using errcode = 'restrict_violation';
        end if;
        if tg_op = 'UPDATE' and new.status = 'open' then
            perform refuse_wrong_sums(new.id, new.total);
        end if;
    elsif tg_op = 'DELETE' or new.status = 'draft'
        or to_jsonb(new) - array['status', 'closed_at', 'closed_note']
        <> to_jsonb(old) - array['status', 'closed_at', 'closed_note']
    then
        raise exception 'invoice % is final', old.number using errcode = 'restrict_violation';
    elsif new.status <> old.status and (old.status, new.status) not in (
        ('open', 'paid'), ('open', 'void'), ('open', 'uncollectible'), ('uncollectible', 'paid'), ('uncollectible', 'void')
    ) and not (old.status = 'paid' and new.status = 'void' and is_paid_from_account(old.id, old.total)) then
        raise exception 'invoice % is %, and can''t be % any more', old.number, old.status, new.status
            using errcode = 'restrict_violation';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end
$$;

-- Whether nobody paid anything of an invoice but the team's account, and that all of it.
create function is_paid_from_account(invoice bigint, total numeric) returns boolean
language sql stable set search_path from current as $$
    select coalesce(sum(s.amount) = is_paid_from_account.total and bool_and(s.kind <> 'credit_note'), false)
    from invoice_settlement as s
    where s.invoice_id = is_paid_from_account.invoice
$$;

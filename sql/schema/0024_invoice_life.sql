-- What becomes of an invoice: kept as a draft until it is final, then paid, void or given up.

-- A period whose invoice is void may be billed again.
alter table invoice drop constraint invoice_subscription_id_period_from_period_to_reason_key;
create unique index invoice_once on invoice (subscription_id, period_from, period_to, reason) where status <> 'void';

-- A draft becomes final by itself at `finalise_at`, or when somebody says so. `closed_at` is when it was paid, voided or
-- given up, and `closed_note` why, or by what.
alter table invoice
add column finalise_at timestamptz,
add column closed_at timestamptz,
add column closed_note text not null default '',
add check (status in ('draft', 'open') or closed_at is not null) not valid;
create index invoice_due_draft on invoice (finalise_at) where status = 'draft' and finalise_at is not null;
create index invoice_open on invoice (due_at) where status = 'open';

-- Which status may follow which; what is final keeps all else.
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
    ) then
        raise exception 'invoice % is %, and can''t be % any more', old.number, old.status, new.status
            using errcode = 'restrict_violation';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end
$$;

-- An invoice of which promotional credits left nothing to pay is paid, by nobody: it may be void as one that the account
-- paid, and the grants have back what came off it.

create or replace function is_paid_from_account(invoice bigint, total numeric) returns boolean
language sql stable set search_path from current as $$
    select case
        when count(s.id) = 0 then is_paid_from_account.total = 0 and exists (
            select from invoice as i
            where i.id = is_paid_from_account.invoice and i.document -> 'promotions' is not null
        )
        else sum(s.amount) = is_paid_from_account.total and bool_and(s.kind <> 'credit_note')
    end
    from invoice_settlement as s
    where s.invoice_id = is_paid_from_account.invoice
$$;

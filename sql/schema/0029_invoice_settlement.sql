-- What of an invoice's total nobody has to pay any more: what was charged as it was used, what credits paid, what a credit
-- note took back. Less than nothing is carried: a total below zero that was put into the account. Rows are only added;
-- what is to pay is the total less their sum.

create table invoice_settlement (
    id bigint generated always as identity primary key,
    invoice_id bigint not null references invoice,
    kind text not null check (kind in ('charged', 'credits', 'credit_note', 'carried')),
    amount numeric not null check (amount <> 0 and amount > '-Infinity' and amount < 'Infinity'),
    description text not null default '',
    source uuid not null, -- the ledger transaction or the credit note that did it
    created_at timestamptz not null,
    unique (invoice_id, kind, source),
    check ((kind = 'carried') = (amount < 0))
);

create trigger invoice_settlement_is_final before update or delete on invoice_settlement
for each row execute function refuse_change();
create trigger invoice_settlement_is_kept before truncate on invoice_settlement
for each statement execute function refuse_change();

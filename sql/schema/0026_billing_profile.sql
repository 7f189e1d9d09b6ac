-- Who is billed, as invoices are to say it: one for each team that told more than its name.

create table billing_profile (
    team_id bigint primary key references team,
    name text check (length(name) between 1 and 200), -- none: the team's own
    address text [] not null default '{}' check (cardinality(address) <= 8),
    country text check (country ~ '^[A-Z]{2}$'),
    tax_ids text [] not null default '{}' check (cardinality(tax_ids) <= 5),
    locale text, -- how numbers and dates are written; none: in English
    reference text check (length(reference) between 1 and 200), -- what the customer wants to read on each invoice
    version bigint not null default 1,
    changed_at timestamptz not null
);

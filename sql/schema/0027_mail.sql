-- Mail about invoices, to be sent and sent: a row per recipient, written in the transaction of what it tells. Of what
-- happens by itself there is one of a kind per invoice and address; what somebody asks for has that `request`.

create table mail (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    team_id bigint not null references team,
    invoice_id bigint not null references invoice,
    kind text not null check (kind ~ '^(invoice|receipt|overdue_[1-9][0-9]?)$'),
    request uuid,
    recipient text not null check (length(recipient) between 3 and 254),
    subject text not null,
    queued_at timestamptz not null,
    state text not null default 'queued' check (state in ('queued', 'sent', 'failed', 'skipped')),
    attempts integer not null default 0,
    next_at timestamptz, -- when it is tried, or while it is being sent, when somebody else may try
    last_error text,
    sent_at timestamptz,
    message_id text, -- from the first attempt on: whoever gets a mail twice can tell
    check ((state = 'queued') = (next_at is not null)),
    check ((state = 'sent') = (sent_at is not null))
);
create unique index mail_once on mail (invoice_id, kind, lower(recipient), request) nulls not distinct;
create index mail_due on mail (next_at, id) where state = 'queued';
create index mail_team on mail (team_id, id);

-- Fees that are billed before their period, once in each: `ahead` is the beginning of the last one they were looked for in.

alter table billing_watch add column ahead timestamptz;

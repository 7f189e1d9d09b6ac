-- What a line is made of: how many events, how much of the time in which data was expected has any (null: none expected),
-- and a SHA-256 of all it states. Lines written before this have none of it.

alter table invoice_line
add column events bigint check (events >= 0),
add column coverage numeric check (coverage between 0 and 1),
add column digest text check (digest ~ '^[0-9a-f]{64}$');

-- What a line is before discounts, which they are, for which labels it is, and what taxes go by. Lines written before
-- this had none of it: their gross is their amount.

alter table invoice_line
add column cell text not null default '',
add column category text not null default '',
add column gross numeric,
add column discounts json not null default '[]';

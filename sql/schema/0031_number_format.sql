-- Numbers by the seller's format: a counter that runs for ever (year 0), and one for each year where a format asks for it.
-- Who takes the next number holds the counter's row until commit, as before.

alter table invoice_counter
drop column only_row,
add column counter_year smallint not null default 0 check (counter_year between 0 and 9999);
alter table invoice_counter add primary key (counter_year);

-- Which counter a number is of.
alter table invoice add column counter_year smallint not null default 0;
alter table invoice drop constraint invoice_position_key;
alter table invoice add constraint invoice_counted_once unique (counter_year, position);

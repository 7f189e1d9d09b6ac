-- Makes a table of rows to be changed one at a time: what a counter costs by itself.

create table bare_counter (id int primary key, taken numeric not null) with (fillfactor = 50);
insert into bare_counter (id, taken) select id, 0 from generate_series(0, 63) as ids (id)

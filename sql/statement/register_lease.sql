-- Makes a job known, due at once; one that is known keeps its clock.

insert into lease (name)
values (%(name)s)
on conflict do nothing

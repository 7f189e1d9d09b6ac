-- Notes that a billing run has begun.

insert into billing_run (public_id, origin, said, month, started_at)
values (%(public_id)s, %(origin)s, %(said)s, %(month)s, %(now)s)
returning id

-- Notes that a billing run came to its end.

update billing_run set ended_at = %(now)s
where id = %(run_id)s

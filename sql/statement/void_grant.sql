-- From now on nothing of a grant may be used any more.

update credit_grant set voided_at = %(now)s
where id = %(grant_id)s

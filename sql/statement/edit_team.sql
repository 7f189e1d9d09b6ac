-- Makes a team what is said here.

update team set
    name = %(name)s,
    timezone = %(timezone)s,
    billing_email = %(billing_email)s,
    deleted_at = %(deleted_at)s,
    version = version + 1
where id = %(id)s

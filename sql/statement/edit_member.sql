-- Makes a member what is said here.

update member set role = %(role)s, email = %(email)s, removed_at = %(removed_at)s, version = version + 1
where id = %(id)s

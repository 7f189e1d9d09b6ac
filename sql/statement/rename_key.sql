-- Gives a key another name.

update api_key set name = %(name)s, version = version + 1
where id = %(id)s

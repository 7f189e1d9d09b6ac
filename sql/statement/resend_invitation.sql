-- Gives an invitation another token and another end.

update invitation set token_hash = %(token_hash)s, sent_at = %(now)s, expires_at = %(expires_at)s
where public_id = %(public_id)s

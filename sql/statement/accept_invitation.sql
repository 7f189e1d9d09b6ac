-- Notes who accepted an invitation, and when.

update invitation set accepted_at = %(now)s, accepted_by = %(member_id)s
where public_id = %(public_id)s

-- From now on a grant does not come again; what was due before is still made where it is to be. Answers whether there was
-- such.

update grant_recurrence set
    ended_at = %(now)s,
    next_at = case when next_at < %(now)s and %(make_due)s then next_at end
where grant_id = %(grant_id)s and next_at is not null and ended_at is null
returning grant_id

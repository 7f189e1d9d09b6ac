-- How a grant comes again.

insert into grant_recurrence (grant_id, every, times, zone, anchor, amount, keep_least, keep_most, next_at)
values (
    %(grant_id)s,
    %(every)s,
    %(times)s,
    %(zone)s,
    %(anchor)s,
    %(amount)s,
    %(keep_least)s,
    %(keep_most)s,
    %(next_at)s
)

-- Which version of each book is in force from when, in the order in which they take over: by all that is known, or (where
-- `known_at` is given) by what was applied until then; of a book that had nothing yet, all.

select s.book, s.effective_from, v.id, v.version
from price_schedule as s
inner join price_version as v on s.price_version_id = v.id
where %(known_at)s::timestamptz is null
    or s.applied_at <= %(known_at)s
    or not exists (select from price_schedule as k where k.book = s.book and k.applied_at <= %(known_at)s)
order by s.book, s.effective_from, s.id

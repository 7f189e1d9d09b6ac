-- What was put in force of price books, the last applied first: from when, until when another version takes over (null
-- where none does), and whether another one took its place from the same instant.

select
    s.id,
    s.book,
    v.version,
    s.effective_from,
    (
        select min(n.effective_from) from price_schedule as n
        where n.book = s.book and n.effective_from > s.effective_from
    ) as until,
    exists(
        select from price_schedule as n
        where n.book = s.book and n.effective_from = s.effective_from and n.id > s.id
    ) as replaced,
    s.applied_at,
    s.applied_by
from price_schedule as s
inner join price_version as v on s.price_version_id = v.id
where (%(book)s::text is null or s.book = %(book)s) and (%(before)s::bigint is null or s.id < %(before)s)
order by s.id desc
limit %(rows)s

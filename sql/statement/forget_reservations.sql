-- Forgets what became of calls some time after: nobody asks again.

delete from reservation
where id in (
    select r.id from reservation as r
    where r.state <> 'open' and r.closed_at < %(before)s
    order by r.id
    limit %(most)s
)

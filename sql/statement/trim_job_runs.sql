-- Forgets runs that are long over; the last hundred of each job stay, however old.

delete from job_run as r
using (
    select id, job, row_number() over (partition by job order by id desc) as place
    from job_run
) as n
where r.id = n.id and n.place > 100 and r.finished_at < %(before)s

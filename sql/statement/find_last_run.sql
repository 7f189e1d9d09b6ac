-- What became of the last run of a job that did something or failed?

select outcome, detail, finished_at
from job_run
where job = %(job)s
order by id desc
limit 1

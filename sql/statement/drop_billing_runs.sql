-- Forgets billing runs that came to their end before an instant, with their rows, some at a time; never one that did not. Says
-- to the trigger that keeps runs, for this transaction, that it means to.

delete from billing_run
where id in (select r.id from billing_run as r where r.ended_at < %(before)s order by r.id limit %(most)s)
    and (select set_config('meter.dropping', 'billing_runs', true)) is not null

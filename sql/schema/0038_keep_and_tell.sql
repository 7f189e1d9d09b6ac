-- What nobody asks for any more may go: results, reports of billing runs with their rows, mail. And what failed is found.

-- In the order in which a job takes what is due: without a sort, however many became due at the same instant.
drop index result_due;
create index result_due on result (job, due_at, team_id, subject);
create index result_failed on result (team_id) where why <> '';

-- A run goes where retention says so (`meter.dropping`, for one transaction), and its rows go with it, never by themselves.
-- One that did not come to its end may still be going on, and stays.
alter table billing_run_result
drop constraint billing_run_result_run_id_fkey,
add constraint billing_run_result_run_id_fkey foreign key (run_id) references billing_run on delete cascade;
drop trigger billing_run_result_is_final on billing_run_result;
create trigger billing_run_result_is_final before update on billing_run_result
for each row execute function refuse_change();
create trigger billing_run_result_goes_with_its_run before delete on billing_run_result
for each row when (pg_trigger_depth() = 0) execute function refuse_change();
drop trigger billing_run_is_not_lost on billing_run;
create trigger billing_run_is_not_lost before delete on billing_run
for each row when (old.ended_at is null or current_setting('meter.dropping', true) is distinct from 'billing_runs')
execute function refuse_change();

-- What the last look at an invoice heard, where it failed.
alter table invoice_look add column why text not null default '';
create index invoice_look_failed on invoice_look (invoice_id) where why <> '';

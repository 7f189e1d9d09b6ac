-- Timed jobs: who may run one now, and what became of each run.

-- One row per job. Free when `until` has passed, due when `due_at` has; a holder that dies lets go by doing nothing.
create table lease (
    name text primary key,
    due_at timestamptz not null default clock_timestamp(),
    until timestamptz not null default '-infinity',
    holder text,
    taken_at timestamptz,
    check ((holder is null) = (taken_at is null))
);

-- Runs that did something or failed; a run that found nothing to do leaves no row.
create table job_run (
    id bigint generated always as identity primary key,
    job text not null,
    holder text not null,
    started_at timestamptz not null,
    finished_at timestamptz not null,
    outcome text not null check (outcome in ('done', 'failed', 'stopped', 'crashed')),
    detail text not null check (length(detail) <= 2000)
);
create index job_run_job on job_run (job, id);
create index job_run_finished on job_run (finished_at);

-- What analytics found out before anybody asks: a row for each team, job and subject, written anew as data comes.

-- `as_of` is when the team's data had last changed (null: it had none); `run` names the turn of the job that made it, in
-- whose report it stands, `coverage` how much of what was expected was there. One that is due has no `body` before its
-- first turn; `why` is what the last attempt heard, where that failed.
create table result (
    team_id bigint not null references team,
    job text not null,
    subject text not null,
    due_at timestamptz not null,
    as_of timestamptz,
    made_at timestamptz,
    run uuid,
    coverage numeric check (coverage between 0 and 1),
    body jsonb,
    why text not null default '',
    primary key (team_id, job, subject),
    check (num_nulls(made_at, run, body) in (0, 3))
) with (fillfactor = 70);
create index result_due on result (job, due_at);

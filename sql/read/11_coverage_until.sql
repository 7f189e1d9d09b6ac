-- Up to when coverage tells what was counted, and how many series were silent then.

create view coverage_until as
select at, silent from coverage_progress;

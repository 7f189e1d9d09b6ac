-- Up to when does coverage tell what was counted, and how many series were silent then?

select at, silent from coverage_until

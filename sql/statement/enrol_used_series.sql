-- Makes those series with data in some quarters expected that may be: held levels, what collectors send as a state or a
-- count, and whatever meter says how often it expects to hear.

insert into expected_series (series_id, team_id)
select s.id, s.team_id
from (
    select distinct r.series_id
    from (
        select distinct n.team_id, n.bucket
        from unnest(%(teams)s::bigint [], %(buckets)s::timestamptz []) as n (team_id, bucket)
    ) as n
    inner join rolled_quarter as r on n.team_id = r.team_id and n.bucket = r.bucket
    where not exists (select from expected_series as e where e.series_id = r.series_id)
) as u
inner join series as s on u.series_id = s.id
inner join meter as m on s.meter_id = m.id
where s.voided_of is null
    and (
        m.aggregation = 'time_weighted'
        or m.expected_every_seconds is not null
        or exists (select from reading as r where r.series_id = s.id and r.way <> 'delta')
    )
order by s.id
on conflict do nothing
returning series_id

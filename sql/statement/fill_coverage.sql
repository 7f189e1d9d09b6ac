-- Notes all quarters with data of some series, from their first one on.

insert into coverage (team_id, series_id, day, seen)
select
    r.team_id,
    r.series_id,
    (r.bucket at time zone 'UTC')::date as day,
    bit_or(set_bit(repeat('0', 96)::bit(96), mod(extract(epoch from r.bucket)::bigint / 900, 96)::integer, 1)) as seen
from series as s
inner join rolled_quarter as r on s.team_id = r.team_id and s.id = r.series_id
where s.id = any(%(series)s::bigint [])
group by r.team_id, r.series_id, day
on conflict (series_id, day) do update set seen = excluded.seen where coverage.seen <> excluded.seen

-- Which teams have a backfill under way of a range that begins before an instant?

select t.public_id, min(b.since) as since, count(*) over () as teams
from backfill as b
inner join team as t on b.team_id = t.id
where b.state in ('staged', 'comparing', 'compared', 'applying', 'undoing')
    and b.since < %(until)s::timestamptz and b.until > %(since)s::timestamptz
group by t.public_id
order by since, t.public_id
limit 20

-- A page of the events of some series, newest first, from before a time and event id. The buckets say which quarters have
-- any, each at least one, so that a rare series among many others is not looked for event by event; a cut quarter at
-- either end may have none, hence two more.

select
    e.time, e.event_id, e.series_id, e.quantity, e.segment_from, e.segment_to, e.attributes ->> 'id', e.attributes::text
from (
    select distinct bucket
    from quarter
    where team_id = %(team_id)s
        and case -- of many, the planner would weigh each for each week; it sees one of these two only
            when %(many)s then series_id in (select unnest(%(series)s::bigint []))
            else series_id = any(%(series)s)
        end
        and bucket >= date_bin('15 minutes', %(since)s::timestamptz, '2000-01-01 00:00:00+00')
        and bucket < %(until)s
    order by bucket desc
    limit %(rows)s + 2
) as b
cross join lateral (
    select u.time, u.event_id, u.series_id, u.quantity, u.segment_from, u.segment_to, u.attributes
    from usage_events as u
    where u.team_id = %(team_id)s
        and u.time >= greatest(b.bucket, %(since)s)
        and u.time < least(b.bucket + interval '15 minutes', %(until)s)
        and (u.time, u.event_id) < (%(before)s::timestamptz, %(before_id)s::uuid)
        and case
            when %(many)s then u.series_id in (select unnest(%(series)s::bigint []))
            else u.series_id = any(%(series)s)
        end
    order by u.time desc, u.event_id desc
    limit %(rows)s
) as e
order by e.time desc, e.event_id desc
limit %(rows)s

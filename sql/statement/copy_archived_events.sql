-- A team's raw events between two instants in the order that files have, as CSV: microseconds since 1970, id in hex, ...

copy (
    select
        (extract(epoch from u.time) * 1000000)::bigint, encode(uuid_send(u.event_id), 'hex'), u.series_id, u.quantity,
        u.covers_us, u.attributes ->> 'id', u.attributes
    from usage_event as u
    where u.team_id = %(team_id)s::bigint and u.time >= %(since)s::timestamptz and u.time < %(until)s::timestamptz
    order by u.time, u.event_id
) to stdout (format csv, encoding 'UTF8')

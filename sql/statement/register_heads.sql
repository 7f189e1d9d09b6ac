-- Makes room for where these streams stand.

insert into stream_head (stream_id)
select unnest(%(streams)s::bigint [])
on conflict do nothing

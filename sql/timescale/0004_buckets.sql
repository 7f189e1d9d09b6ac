-- A hypertable, and aggregates upon aggregates: quarter, hour, day. Real-time aggregation stays off (late rows would be
-- missed) and there are no refresh policies (two refreshes at once fail on a lock): `refresh` does it, from our own log.

create table usage_event (like usage_event_shape including all);
drop table usage_event_shape;
select create_hypertable('usage_event', by_range('time', interval '7 days'), create_default_indexes => false);

-- Ready for the columnstore; nothing moves there by itself yet. Segments by team in key order: 31 bytes per event, a
-- touched quarter is one batch, 5,000 late rows take 0.16 s. By series too it would be 24 bytes, 20 batches and 0.7 s.
alter table usage_event set (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'team_id', timescaledb.orderby = 'time, event_id'
);

create materialized view rolled_quarter
with (timescaledb.continuous, timescaledb.materialized_only = true, timescaledb.create_group_indexes = false) as
select
    team_id,
    series_id,
    time_bucket('15 minutes', time) as bucket,
    count(*) as events,
    sum(quantity) as total,
    min(quantity) as smallest,
    max(quantity) as largest,
    max(array[extract(epoch from time at time zone 'UTC'), quantity]) as latest
from usage_event
group by 1, 2, 3
with no data;

create materialized view rolled_hourly
with (timescaledb.continuous, timescaledb.materialized_only = true, timescaledb.create_group_indexes = false) as
select
    team_id,
    series_id,
    time_bucket('1 hour', bucket) as bucket,
    sum(events)::bigint as events,
    sum(total) as total,
    min(smallest) as smallest,
    max(largest) as largest,
    max(latest) as latest
from rolled_quarter
group by 1, 2, 3
with no data;

create materialized view rolled_daily
with (timescaledb.continuous, timescaledb.materialized_only = true, timescaledb.create_group_indexes = false) as
select
    team_id,
    series_id,
    time_bucket('1 day', bucket) as bucket,
    sum(events)::bigint as events,
    sum(total) as total,
    min(smallest) as smallest,
    max(largest) as largest,
    max(latest) as latest
from rolled_hourly
group by 1, 2, 3
with no data;

create index rolled_quarter_series on rolled_quarter (team_id, series_id, bucket);
create index rolled_hourly_series on rolled_hourly (team_id, series_id, bucket);
create index rolled_daily_series on rolled_daily (team_id, series_id, bucket);
create index rolled_quarter_bucket on rolled_quarter (team_id, bucket);
create index rolled_hourly_bucket on rolled_hourly (team_id, bucket);
create index rolled_daily_bucket on rolled_daily (team_id, bucket);

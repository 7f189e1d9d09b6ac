-- Weekly partitions of raw events, and roll-up tables upon roll-up tables: quarter, hour, day.

create table usage_event (like usage_event_shape including all) partition by range (time);
drop table usage_event_shape;

create table rolled_quarter (
    team_id bigint not null,
    series_id bigint not null,
    bucket timestamptz not null,
    events bigint not null,
    total numeric not null,
    smallest numeric not null,
    largest numeric not null,
    latest numeric [] not null,
    primary key (team_id, series_id, bucket)
);
create index rolled_quarter_bucket on rolled_quarter (team_id, bucket);

create table rolled_hourly (like rolled_quarter including all);
create table rolled_daily (like rolled_quarter including all);

-- A hypertable of points. Of a stream they are looked up around an instant, hence segments by stream in the columnstore.

create table point (like point_shape including all);
drop table point_shape;
select create_hypertable('point', by_range('time', interval '7 days'), create_default_indexes => false);

alter table point set (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'team_id, stream_id', timescaledb.orderby = 'time'
);

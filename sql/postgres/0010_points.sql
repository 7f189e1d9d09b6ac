-- Weekly partitions of points.

create table point (like point_shape including all) partition by range (time);
drop table point_shape;

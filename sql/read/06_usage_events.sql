-- Every event, for drill-down; what counts is of a series in usage_series, voided ones are not. A segment of a sample says
-- which time it covers: from the sample's start or its quarter's edge, whichever is later, to just after its own time.

create view usage_events as
select
    team_id,
    time,
    event_id,
    series_id,
    quantity,
    case when covers_us is not null then greatest(
        time + interval '1 microsecond' - covers_us * interval '1 microsecond',
        date_bin('15 minutes', time, '2000-01-01 00:00:00+00')
    ) end as segment_from,
    case when covers_us is not null then time + interval '1 microsecond' end as segment_to,
    attributes
from usage_event;

-- Moves the floor of points to an instant, and in the same transaction what late points and readers still need of those
-- before it to kept_point: of each stream the last value, and the first mark of an end after it.

create or replace procedure keep_last_points(instant timestamptz)
language plpgsql
as $$
declare
    since timestamptz;
begin
    select points into since from raw_floor for update;
    if instant <= since then
        return;
    end if;

    with last as materialized (
        select distinct on (team_id, stream_id) team_id, stream_id, time, value, reading_id
        from point
        where time >= since and time < instant and value is not null
        order by team_id, stream_id, time desc
    ),

    gone as (
        delete from kept_point as k using last as l where k.team_id = l.team_id and k.stream_id = l.stream_id
    )

    insert into kept_point (team_id, stream_id, time, value, reading_id)
    select team_id, stream_id, time, value, reading_id from last;

    insert into kept_point (team_id, stream_id, time, value, reading_id)
    select distinct on (p.team_id, p.stream_id) p.team_id, p.stream_id, p.time, p.value, p.reading_id
    from point as p
    where p.time >= since and p.time < instant and p.value is null
        and p.time > all(
            select k.time from kept_point as k where k.team_id = p.team_id and k.stream_id = p.stream_id
        )
        and not exists (
            select from kept_point as k where k.team_id = p.team_id and k.stream_id = p.stream_id and k.value is null
        )
    order by p.team_id, p.stream_id, p.time;

    update raw_floor set points = instant;
end
$$;

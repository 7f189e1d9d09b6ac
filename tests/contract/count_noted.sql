-- How many quarters are noted, of how many series on how many days, and how many wait to be followed.
select
    (select coalesce(sum(bit_count(seen)), 0)::bigint from coverage) as quarters,
    (select count(distinct series_id) from coverage) as series,
    (select count(*) from coverage) as days,
    (select count(*) from follow_up where job = 'coverage') as waiting

-- What was learned of series.
select learned_seconds, learned_from from expected_series order by series_id

-- When series were there.
select since, until, ended from expected_span order by series_id, since

-- What the view says of each quarter and series.

select bucket, total from quarter order by bucket, series_id

-- Every job that follows the rolling up has looked at all there is.

with looked as (delete from wide_look)

delete from follow_up

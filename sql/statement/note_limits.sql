-- The oldest quarters that were rolled up again since counters followed.

select id, team_id, bucket
from follow_up
where job = 'limits'
order by id
limit %(most)s

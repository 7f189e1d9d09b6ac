-- The oldest quarters that were rolled up again since coverage last followed.

select id, team_id, bucket
from follow_up
where job = 'coverage'
order by id
limit %(most)s

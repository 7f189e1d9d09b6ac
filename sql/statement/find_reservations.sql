-- What was set apart under these ids, as it stands.

select
    r.id, r.public_id, r.team_id, r.key_id, r.member_id, r.service_id, m.user_id as member, s.slug as service,
    r.at, r.expires_at, r.counter_ids, r.amounts, r.account_id, r.burns::text as burns, r.state, r.event_hash,
    r.answer::text as answer
from reservation as r
left join member as m on r.member_id = m.id
left join service as s on r.service_id = s.id
where r.public_id = any(%(public_ids)s::uuid [])
order by r.id

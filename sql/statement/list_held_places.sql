-- Where some held events of a team are and what is decided of them: by their ids, or those of one hold that nobody has
-- decided.

select h.id, h.public_id, h.time, h.event_id, h.decision
from held_event as h
where h.team_id = %(team_id)s
    and (
        h.public_id = any(%(held)s::uuid [])
        or (
            h.decision is null
            and h.hold_id = (
                select c.id from correction as c where c.team_id = %(team_id)s and c.public_id = %(hold)s::uuid
            )
        )
    )
order by h.time, h.event_id

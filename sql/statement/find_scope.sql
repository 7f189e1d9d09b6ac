-- The ids of a member, a service and a key of a team; none where there is no such one.

select
    (
        select m.id from member as m
        where m.team_id = %(team_id)s and m.user_id = %(member)s::text and m.removed_at is null
    ) as member_id,
    (select s.id from service as s where s.team_id = %(team_id)s and s.slug = %(service)s::text) as service_id,
    (
        select k.id from api_key as k
        where k.team_id = %(team_id)s and k.public_id = %(key)s::uuid and k.revoked_at is null
    ) as key_id

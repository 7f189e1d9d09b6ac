-- Queues mail about an invoice to the team's owners and the address its bills go to, or to those asked for, once each.

insert into mail (public_id, team_id, invoice_id, kind, request, recipient, subject, queued_at, next_at)
select
    gen_random_uuid(), i.team_id, i.id, %(kind)s, %(request)s::uuid, a.recipient, %(subject)s, %(now)s::timestamptz,
    %(now)s::timestamptz
from invoice as i
cross join lateral (
    select distinct on (lower(e.recipient)) e.recipient
    from (
        select unnest(%(recipients)s::text []) as recipient
        union all
        select m.email from member as m
        where m.team_id = i.team_id and m.role = 'owner' and m.removed_at is null and %(recipients)s::text [] is null
        union all
        select t.billing_email from team as t
        where t.id = i.team_id and %(recipients)s::text [] is null
    ) as e
    where e.recipient is not null
    order by lower(e.recipient), e.recipient
) as a
where i.id = %(invoice_id)s and i.team_id = %(team_id)s
order by a.recipient
on conflict do nothing
returning id

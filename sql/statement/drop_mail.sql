-- Forgets mail that nothing more is tried of, queued before an instant, some at a time. That of an open invoice stays: who was
-- told what decides whether somebody is reminded.

delete from mail
where id in (
    select m.id
    from mail as m
    inner join invoice as i on m.invoice_id = i.id
    where m.state <> 'queued' and m.queued_at < %(before)s and i.status <> 'open'
    order by m.id
    limit %(most)s
)

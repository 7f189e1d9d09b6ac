-- Every final invoice could be looked at for usage that changed after it, when that was tried last. What changed of one that
-- could not is billed nowhere until it can. Raw events that were dropped on purpose are no trouble.

select
    f.problem, count(*) as invoices, count(distinct f.team) as teams,
    array_to_string((array_agg(f.number || ' of ' || f.team order by f.id))[1:3], ', ') as first,
    (array_agg(f.why order by f.id))[1] as said, max(f.looked_at) as at
from (
    select split_part(l.why, ':', 1) as problem, l.why, l.looked_at, i.id, i.number, t.public_id as team
    from invoice_look as l
    inner join invoice as i on l.invoice_id = i.id
    inner join team as t on i.team_id = t.id
    where l.why <> '' and i.status <> 'void' and i.period_to >= %(now)s - interval '92 days'
) as f
where f.problem <> 'raw_data_gone'
group by f.problem
order by invoices desc, f.problem asc
limit 20

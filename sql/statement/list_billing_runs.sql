-- Billing runs, the last begun first, from before one on, or one by its id: with how many results of each kind, what was
-- billed by currency, and when the last result came.

select
    r.id, r.public_id, r.origin, r.said, r.month, r.started_at, r.ended_at,
    (select max(t.at) from billing_run_result as t where t.run_id = r.id) as last_at,
    coalesce((
        select json_object_agg(k.came, k.results)
        from (
            select t.came, count(*) as results
            from billing_run_result as t
            where t.run_id = r.id
            group by t.came
        ) as k
    ), '{}') as came,
    coalesce((
        select json_agg(json_build_array(m.currency, m.invoices, m.total::text) order by m.currency)
        from (
            select t.currency, count(*) as invoices, sum(t.total) as total
            from billing_run_result as t
            where t.run_id = r.id and t.came = 'billed' and t.currency is not null
            group by t.currency
        ) as m
    ), '[]') as revenue
from billing_run as r
where (%(before)s::bigint is null or r.id < %(before)s)
    and (%(public_id)s::uuid is null or r.public_id = %(public_id)s)
order by r.id desc
limit %(rows)s

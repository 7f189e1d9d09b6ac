-- Of each grant is left what its postings say, no more than it began with unless it comes again, and no more is reserved
-- than is left; what is no longer looked at when usage comes has nothing.

with posted as (
    select
        p.grant_id,
        sum(p.amount) as remaining
    from posting as p
    where p.grant_id is not null
    group by p.grant_id
)

select
    g.public_id as grant_id,
    s.remaining,
    coalesce(p.remaining, 0) as posted_remaining,
    s.reserved,
    s.standing
from grant_standing as s
inner join credit_grant as g on s.grant_id = g.id
left join posted as p on s.grant_id = p.grant_id
left join grant_recurrence as r on s.grant_id = r.grant_id
where s.remaining <> coalesce(p.remaining, 0)
    or (s.remaining > g.amount and r.grant_id is null)
    or s.reserved > s.remaining
    or s.account_id <> g.account_id
    or (not s.standing and (s.remaining <> 0 or s.reserved <> 0))
order by g.id
limit 100

-- What an invoice comes to by its last adjustment, or where that is asked for as it was made; that has no `standing` where a
-- line is from before lines were kept whole.

select
    coalesce(a.number, 0) as number,
    coalesce(a.data_snapshot, i.data_snapshot)::text as data_snapshot,
    case
        when a.id is not null then a.standing::text
        when i.document is not null and l.whole then json_build_object(
            'lines', l.lines,
            'taxes', i.document -> 'taxes',
            'members', m.members,
            'total', i.total::text
        )::text
    end as standing
from invoice as i
cross join lateral (
    select
        coalesce(bool_and(x.settled is not null), true) as whole,
        coalesce(json_agg(x.settled order by x.position), '[]'::json) as lines
    from invoice_line as x
    where x.invoice_id = i.id
) as l
cross join lateral (
    select coalesce(json_agg(json_build_object('member', o.user_id, 'amount', x.amount::text)), '[]'::json) as members
    from invoice_member as x
    left join member as o on x.member_id = o.id
    where x.invoice_id = i.id
) as m
left join lateral (
    select x.id, x.number, x.data_snapshot, x.standing
    from adjustment as x
    where x.invoice_id = i.id and not %(as_made)s
    order by x.number desc
    limit 1
) as a on true
where i.id = %(invoice_id)s

-- Which values do labels have, and in how many series each? By name and value; a question that is null lets all pass.

select o.name, o.value, count(*) as series
from usage_series as s
cross join lateral (
    select b.name, b.value
    from (values ('member', s.member), ('service', s.service), ('key', s.key::text)) as b (name, value)
    union all
    select d.key, d.value
    from jsonb_each_text(s.dimensions) as d
) as o
where s.team_id = %(team_id)s
    and (%(meters)s::text [] is null or s.meter = any(%(meters)s::text []))
    and (%(filters)s = '[]'::jsonb or passes(s.member, s.service, s.key::text, s.dimensions, %(filters)s))
    and (%(series)s::bigint [] is null or s.id = any(%(series)s::bigint []))
    and o.value is not null
    and (%(name)s::text is null or o.name = %(name)s)
    and (%(prefix)s::text is null or starts_with(o.value, %(prefix)s))
    and (
        %(after_name)s::text is null
        or (o.name collate "C", o.value collate "C") > (%(after_name)s, %(after_value)s::text)
    )
group by o.name, o.value
order by o.name collate "C", o.value collate "C"
limit %(rows)s

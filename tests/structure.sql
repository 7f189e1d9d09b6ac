-- Everything the catalogue knows about our two schemas, one row per thing, in an order that does not depend on ids.
with ours as (
    select oid, nspname from pg_namespace where nspname in ('meter', 'meter_read')
),

own_class as (
    select c.oid, c.relname, c.relkind, c.reloptions, n.nspname
    from pg_class as c
    inner join ours as n on c.relnamespace = n.oid
)

select 'relation ' || c.oid::regclass as name, concat_ws(' ', c.relkind, c.reloptions::text) as definition
from own_class as c
union all
select
    'column ' || c.oid::regclass || '.' || a.attname,
    concat_ws(
        ' ', a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
        pg_get_expr(d.adbin, d.adrelid)
    )
from own_class as c
inner join pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where c.relkind in ('r', 'p', 'v', 'm')
union all
select 'constraint ' || c.oid::regclass || '.' || k.conname, pg_get_constraintdef(k.oid)
from own_class as c
inner join pg_constraint as k on c.oid = k.conrelid
union all
select 'index ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid)
from own_class as c
inner join pg_index as i on c.oid = i.indrelid
union all
select 'trigger ' || c.oid::regclass || '.' || t.tgname, pg_get_triggerdef(t.oid)
from own_class as c
inner join pg_trigger as t on c.oid = t.tgrelid and not t.tgisinternal
union all
select 'view ' || c.oid::regclass, pg_get_viewdef(c.oid)
from own_class as c
where c.relkind in ('v', 'm')
union all
select 'routine ' || p.oid::regprocedure, pg_get_functiondef(p.oid)
from pg_proc as p
inner join ours as n on p.pronamespace = n.oid
where p.prokind in ('f', 'p')
union all
select 'comment ' || c.oid::regclass || '.' || s.objsubid, s.description
from own_class as c
inner join pg_description as s on s.objoid = c.oid and s.classoid = 'pg_class'::regclass
order by 1, 2

-- Whether labels pass every filter of a list of {name, op, listed}; a null among the listed stands for "has none".

create function passes(member text, service text, key text, dimensions jsonb, filters jsonb) returns boolean
language sql immutable parallel safe
return not exists (
    select from jsonb_to_recordset(filters) as f (name text, op text, listed jsonb)
    cross join lateral (select label(f.name, member, service, key, dimensions) as found) as l
    where not case f.op
            when 'in' then f.listed @> coalesce(to_jsonb(l.found), 'null')
            when 'not' then not f.listed @> coalesce(to_jsonb(l.found), 'null')
            else l.found is not null and exists (
                    select from jsonb_array_elements_text(f.listed) as p (prefix) where starts_with(l.found, p.prefix)
                )
        end
);

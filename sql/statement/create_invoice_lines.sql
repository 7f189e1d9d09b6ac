-- Writes the lines of a draft, in the order given, each with what is behind it and whose it is (its `members`); numbers
-- come as text, so that no digit is lost on the way. Each line is parsed once, into columns: `->>` would parse it for every
-- one of them.

with given as materialized (
    select
        s.position,
        s.settled,
        l.*
    from json_array_elements(%(lines)s::json) with ordinality as s (settled, position)
    cross join lateral json_to_record(s.settled -> 'line') as l (
        kind text,
        price text,
        description text,
        meter text,
        measure text,
        quantity numeric,
        unit text,
        included numeric,
        billed_quantity numeric,
        unit_amount numeric,
        per numeric,
        exact numeric,
        amount numeric,
        derivation json,
        cell text,
        category text,
        gross numeric,
        discounts json,
        start timestamptz,
        "end" timestamptz,
        plan text,
        price_version text,
        members json
    )
),

kept as (
    insert into invoice_line (
        invoice_id, position, kind, price, description, meter, measure, quantity, unit, included, billed_quantity,
        unit_amount, per, exact, amount, derivation, cell, category, gross, discounts, served_from, served_to, plan,
        price_version, settled, total, events, coverage, digest
    )
    select
        %(invoice_id)s, g.position, g.kind, g.price, g.description, g.meter, g.measure, g.quantity, g.unit, g.included,
        g.billed_quantity, g.unit_amount, g.per, g.exact, g.amount, g.derivation, g.cell, g.category, g.gross,
        g.discounts, g.start, g."end", g.plan, g.price_version, g.settled, (g.settled ->> 'total')::numeric,
        t.events, t.coverage, t.digest
    from given as g
    inner join json_array_elements(%(truths)s::json) with ordinality as e (truth, position) on g.position = e.position
    cross join lateral json_to_record(e.truth) as t (events bigint, coverage numeric, digest text)
    order by g.position
    returning id, position
)

insert into invoice_share (invoice_id, line_id, member_id, amount)
select %(invoice_id)s, k.id, m.id, s.amount
from given as g
inner join kept as k on g.position = k.position
cross join lateral json_to_recordset(g.members) as s (member text, amount numeric)
left join member as m on m.team_id = %(team_id)s and s.member = m.user_id

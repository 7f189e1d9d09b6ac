-- Writes the lines of a draft, in the order given, each with what is behind it; numbers come as text, so that no digit is
-- lost on the way.

insert into invoice_line (
    invoice_id, position, kind, price, description, meter, measure, quantity, unit, included, billed_quantity,
    unit_amount, per, exact, amount, derivation, cell, category, gross, discounts, served_from, served_to, plan,
    price_version, settled, total, events, coverage, digest
)
select
    %(invoice_id)s, l.position, l.line ->> 'kind', l.line ->> 'price', l.line ->> 'description', l.line ->> 'meter',
    l.line ->> 'measure', (l.line ->> 'quantity')::numeric, l.line ->> 'unit', (l.line ->> 'included')::numeric,
    (l.line ->> 'billed_quantity')::numeric, (l.line ->> 'unit_amount')::numeric, (l.line ->> 'per')::numeric,
    (l.line ->> 'exact')::numeric, (l.line ->> 'amount')::numeric, l.line -> 'derivation',
    l.line ->> 'cell', l.line ->> 'category', (l.line ->> 'gross')::numeric, l.line -> 'discounts',
    (l.line ->> 'start')::timestamptz, (l.line ->> 'end')::timestamptz, l.line ->> 'plan',
    l.line ->> 'price_version', l.settled, (l.settled ->> 'total')::numeric,
    (t.truth ->> 'events')::bigint, (t.truth ->> 'coverage')::numeric, t.truth ->> 'digest'
from (
    select
        s.position,
        s.settled -> 'line' as line,
        s.settled
    from json_array_elements(%(lines)s::json) with ordinality as s (settled, position)
) as l
inner join json_array_elements(%(truths)s::json) with ordinality as t (truth, position) on l.position = t.position

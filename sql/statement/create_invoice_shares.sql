-- Writes whose the lines of a draft are: the `members` inside each line.

insert into invoice_share (invoice_id, line_id, member_id, amount)
select i.invoice_id, i.id, m.id, (s.share ->> 'amount')::numeric
from jsonb_array_elements(%(lines)s::jsonb) with ordinality as l (settled, position)
inner join invoice_line as i on l.position = i.position and i.invoice_id = %(invoice_id)s
cross join lateral jsonb_array_elements(l.settled -> 'line' -> 'members') as s (share)
left join member as m on m.team_id = %(team_id)s and m.user_id = s.share ->> 'member'

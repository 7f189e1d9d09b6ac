-- Writes whose the lines of a credit note are: the `members` inside each line.

insert into credit_note_share (line_id, member_id, amount)
select c.id, m.id, (s.share ->> 'amount')::numeric
from jsonb_array_elements(%(lines)s::jsonb) as l (line)
inner join invoice_line as i on i.invoice_id = %(invoice_id)s and i.position = (l.line ->> 'line')::integer
inner join credit_note_line as c on i.id = c.invoice_line_id and c.credit_note_id = %(credit_note_id)s
cross join lateral jsonb_array_elements(l.line -> 'members') as s (share)
left join member as m on m.team_id = %(team_id)s and m.user_id = s.share ->> 'member'

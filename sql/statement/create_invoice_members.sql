-- Writes what each member used and owes.

insert into invoice_member (invoice_id, member_id, amount, usage)
select %(invoice_id)s, m.id, (s.share ->> 'amount')::numeric, s.share -> 'usage'
from json_array_elements(%(members)s::json) as s (share)
left join member as m on m.team_id = %(team_id)s and m.user_id = s.share ->> 'member'

-- What each member of an invoice owes and used, by name; nobody's row last.

select m.user_id, i.amount, i.usage
from invoice_member as i
left join member as m on i.member_id = m.id
where i.invoice_id = %(invoice_id)s
order by m.user_id collate "C" nulls last

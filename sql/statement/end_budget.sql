-- Ends a budget.

update budget set ended_at = %(now)s, version = version + 1 where id = %(id)s

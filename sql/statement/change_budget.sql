-- Changes what may be changed of a budget.

update budget
set name = %(name)s, amount = %(amount)s, hard = %(hard)s, opens = %(opens)s, version = version + 1
where id = %(id)s

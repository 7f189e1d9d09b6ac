-- Takes one from a row: the least that a limit could cost.

update bare_counter set taken = taken + 1 where id = %(id)s

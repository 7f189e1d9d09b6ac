-- Changes what was told.

update account_fact set balance = balance + 1

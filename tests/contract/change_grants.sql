-- Changes what was granted.

update credit_grant set amount = amount + 1

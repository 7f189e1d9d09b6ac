-- Takes away what was told.

delete from account_fact
